"""The runner's virtual environment on this computer, lent instead of installed: pip is tested elsewhere."""

import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

from edgeprune.runner.linux.pack import requirements
from support.tools import require_module


def lend_host_venv(prefix: Path) -> Path:
    """Put an environment with this one's packages where install.sh looks for its own, below `prefix`."""
    require_module("ai_edge_litert")
    name = hashlib.sha256(requirements().encode()).hexdigest()[:12]
    place = prefix / "venvs" / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "lib" / version / "site-packages"
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (place / ".whole").write_text(f"{sys.version_info.major}.{sys.version_info.minor}\n")
    return place
