"""Virtual Pis for tests: what takes long to make is made once on this machine, and kept in the store.

pi = virtual_pi(tmp_path / "pi", "rpi4")     # its own home, everything else shared
pi.run("python3", "-c", "…")
lend_venv(home / ".local/share/edgeprune/venvs/0123456789ab", pi)   # as if pip had installed LiteRT
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeprune.artifact import default_store, sha256_bytes
from edgeprune.device.board import lock_file
from edgeprune.device.emulator.pi import environment
from edgeprune.device.emulator.pi_root import python_program, root_folder
from edgeprune.device.target import find_target
from edgeprune.device.wheels import download_wheels
from edgeprune.errors import ToolError, UsageError
from edgeprune.runner.linux.pack import requirements
from support.tools import missing, require_tool

TOOLS = ("qemu-aarch64", "apt-get", "dpkg-deb")
MAKING_S = 600
"""The longest that a virtual environment takes under emulation, on a machine that has other things to do."""


@dataclass(frozen=True)
class VirtualPi:
    """A virtual Pi that lives in `folder`."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, *words: object, status: int = 0, cwd: Path | None = None) -> str:
        """What a command says; fails the test where it ends otherwise than with `status`."""
        command = [shutil.which(str(words[0]), path=self.environment["PATH"]) or str(words[0])]
        done = subprocess.run(
            [*command, *map(str, words[1:])],
            env=self.environment,
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MAKING_S,
            check=False,
        )
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def pi_root() -> Path:
    """The root file system for arm64; without the means to make it the test is skipped."""
    for tool in TOOLS:
        require_tool(tool)
    try:
        return root_folder()
    except ToolError as error:
        missing(f"a root file system for arm64 ({error.message.splitlines()[-1]})")


def virtual_pi(folder: Path, target: str) -> VirtualPi:
    """A virtual Pi in `folder`."""
    pi_root()
    return VirtualPi(folder, environment(folder, find_target(target)))


def litert_venv() -> Path:
    """A virtual environment with what the runner requires, made in a virtual Pi; no test may change it."""
    root, wanted = pi_root(), requirements()
    place = default_store().absolute() / "test-pi" / sha256_bytes(f"{root.name}\n{wanted}".encode())[:32]
    venv = place / "venv"
    with lock_file(place / "lock", "the virtual environment of the tests", wait_s=MAKING_S):
        if not _whole(venv).exists():
            shutil.rmtree(venv, ignore_errors=True)
            _make_venv(virtual_pi(place / "pi", "rpi4"), venv, wanted)
            _whole(venv).write_text(_version(root) + "\n")
    return venv


def lend_venv(place: Path, pi: VirtualPi) -> Path:
    """The Python of a virtual environment at `place` that is litert_venv's, run by the CPU of `pi`.

    To install.sh it is whole: it has the mark that install.sh itself leaves.
    """
    venv = litert_venv()
    (place / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (place / "bin" / name).symlink_to(pi.folder / "bin" / "python3")
    (place / "lib").symlink_to(venv / "lib")
    for path in (venv / "pyvenv.cfg", _whole(venv)):
        shutil.copy(path, place)
    return place / "bin" / "python"


def share_root(cache: Path) -> None:
    """Let commands whose EDGEPRUNE_CACHE_DIR is `cache` find the root file system of this machine."""
    root = pi_root()
    (cache / "stages").mkdir(parents=True, exist_ok=True)
    (cache / "stages" / root.name).symlink_to(root)


def _make_venv(pi: VirtualPi, venv: Path, wanted: str) -> None:
    wheels = venv.parent / "wheels"
    try:
        download_wheels(wanted, find_target("rpi4"), wheels, [_version(pi_root())])
    except UsageError as error:
        missing(f"LiteRT for arm64 ({error.message})")
    (venv.parent / "requirements.txt").write_text(wanted)
    pi.run("python3", "-m", "venv", venv)
    install = ("-m", "pip", "install", "--no-index", "--find-links", wheels)
    pi.run(venv / "bin" / "python", *install, "-r", venv.parent / "requirements.txt")
    shutil.rmtree(wheels)


def _whole(venv: Path) -> Path:
    return venv / ".whole"


def _version(root: Path) -> str:
    """Such as "3.11"."""
    return python_program(root).name.removeprefix("python")
