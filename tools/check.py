"""All that CI runs, in order of cost: format, lint, types, tests (pytest's lines come last).

python tools/check.py            # everything
python tools/check.py --fast     # without pytest
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    # A file's tests stay in one process, which makes its fixtures; four hold about 6 GB.
    ("tests", ["pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]),
)


def main() -> int:
    """Run every step; the exit status is that of the first one that fails."""
    steps = STEPS[:-1] if "--fast" in sys.argv[1:] else STEPS
    for name, command in steps:
        print(f"== {name}", flush=True)
        status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if status:
            print(f"{name} failed: python -m {' '.join(command)}", file=sys.stderr)
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
