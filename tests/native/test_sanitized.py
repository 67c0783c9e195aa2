"""The native runner, compiled with gcc's sanitizers, survives garbage on its line."""

import json
import subprocess
import sys
from pathlib import Path

from support.tools import require_tool

PROJECT = Path(__file__).resolve().parents[2]


def test_garbage_on_the_line_is_survived(tmp_path: Path) -> None:
    require_tool("gcc")
    options = ["--target", "linux", "--bursts", "60", "--sessions", "0", "--seed", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz.wire", "--save", str(tmp_path), *options],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["finding_count"]) == (0, 0), report["findings"]
    assert report["sanitizers"] == "gcc ASan and UBSan"
    assert report["counts"] == {"bursts survived": 60}
