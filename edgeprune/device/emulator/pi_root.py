"""The files of a 64-bit Raspberry Pi OS that a virtual Pi runs: libc, Python, pip's wheels, uname, getconf.

They come from this machine's own Debian sources, whose packages for arm64 apt-get verifies, and are
unpacked by dpkg-deb; nothing is installed and no root is needed. Raspberry Pi OS is the same Debian.
Some 25 MB are fetched once; the root file system is kept in the store beside finished stages.
"""

import logging
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgeprune.artifact import Store, default_store
from edgeprune.errors import NotFoundError, ToolError

log = logging.getLogger("edgeprune")

PACKAGES = ("python3", "python3-venv", "libstdc++6", "libc-bin", "coreutils")
# All else would stand in front of this machine's own files: what is absent here is looked up there.
KEPT = (
    *("usr/bin/python3*", "usr/bin/uname", "usr/bin/getconf"),
    *("usr/lib/aarch64-linux-gnu", "usr/lib/ld-linux-aarch64.so.1"),
    *("usr/lib/python3*", "usr/lib/locale", "usr/lib/ssl", "usr/share/python-wheels"),
)
DROPPED = (
    "usr/lib/aarch64-linux-gnu/gconv",  # 20 MB of character sets
    "usr/lib/python3*/sitecustomize.py",  # a link to this machine's own
)
OUTPUT_LINES = 10  # of a failed tool, in the message


def root_folder() -> Path:
    """The root file system for arm64, made where the store has none yet: `usr`, and `lib` inside it.

    Raises NotFoundError where this machine has no apt-get or dpkg-deb, ToolError where they fail.
    """
    inputs = {"packages": PACKAGES, "kept": KEPT, "dropped": DROPPED, "system": _system()}
    return Store(default_store().absolute()).stage("pi-root", inputs, _make).folder


def python_program(root: Path) -> Path:
    """Python itself in `root`, such as usr/bin/python3.11: not the link, which names it."""
    return root / "usr" / "bin" / (root / "usr" / "bin" / "python3").readlink()


def _system() -> str:
    """The release whose packages apt-get fetches, such as bookworm."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def _make(result: Path, work: Path) -> None:
    unpacked = work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # what an interrupted try left
    for package in _fetch(work):
        _run([_find("dpkg-deb"), "-x", str(package), str(unpacked)])
    for name in ("bin", "lib"):  # Debian 12's packages do not know yet that these are links into usr
        if (unpacked / name).is_dir():
            shutil.copytree(unpacked / name, unpacked / "usr" / name, symlinks=True, dirs_exist_ok=True)
    for path in _matches(unpacked, DROPPED):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in _matches(unpacked, KEPT):
        place = result / path.relative_to(unpacked)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)


def _matches(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _fetch(work: Path) -> list[Path]:
    """The packages and all that they depend on; what an earlier try fetched is not fetched again."""
    state, cache = work / "state", work / "cache"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "Dir::State": state,
        "Dir::State::status": state / "status",  # nothing is installed
        "Dir::Cache": cache,
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",  # the user _apt may not see this folder
    }
    settings = work / "apt.conf"
    settings.write_text("".join(f'{name} "{value}";\n' for name, value in options.items()))
    command = [_find("apt-get"), "-qq", "-c", str(settings)]
    try:
        _run([*command, "update"])
    except ToolError as error:  # a source that we do not need may fail: the packages decide
        log.warning("%s", error.message)
    _run([*command, "--yes", "--download-only", "--no-install-recommends", "install", *PACKAGES])
    return sorted((cache / "archives").glob("*.deb"))


def _run(command: Sequence[str]) -> None:
    """Run `command`; raises ToolError with its last lines if it fails."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = "\n".join(done.stderr.strip().splitlines()[-OUTPUT_LINES:])
        raise ToolError(
            f"{shlex.join(command)}\nended with status {done.returncode}:\n{lines}",
            hint="is the network there? apt's sources must offer arm64, as Debian's do",
        )


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise NotFoundError(
            f"{program} is not on this machine: a virtual Pi is made from Debian's packages",
            hint="use Debian or Ubuntu, a container of it will do",
        )
    return path
