"""The Python packages of a release as wheels for the device, downloaded here: it need not have a network.

pip chooses them, from wherever this user's pip finds packages. It is told the device's machine, glibc
and Python instead of ours, and takes wheels only: the device has no compiler.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgeprune.device.target import Target
from edgeprune.errors import NotFoundError, UsageError

RASPBERRY_PI_OS = ("3.11", "3.13")
"""The Python of Raspberry Pi OS: of its release Bookworm, and of Trixie."""

# PEP 600: a wheel for manylinux_2_N runs where glibc is 2.N or newer; 2.17 is the oldest that is used.
_OLDEST_GLIBC = 17
# Of pip's warnings that it tries again.
_OFFLINE = re.compile(r"NameResolutionError|NewConnectionError|ConnectTimeout|ProxyError")


def download_wheels(
    requirements: str, target: Target, folder: Path, pythons: Sequence[str] | None = None
) -> list[Path]:
    """The wheels that `requirements` (the text of such a file) needs on `target`, sorted, in `folder`.

    `pythons` are versions that the device may have, such as "3.11"; by default those of Raspberry Pi OS,
    for this computer its own. Raises UsageError where pip cannot have the wheels, NotFoundError where this
    Python has no pip.
    """
    if importlib.util.find_spec("pip") is None:
        raise NotFoundError("this Python has no pip", hint="python -m ensurepip")
    tags = platform_tags(target)
    folder.mkdir(parents=True, exist_ok=True)
    for python in pythons or _pythons(target):
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
        command += ["--quiet", "--only-binary=:all:", "--implementation", "cp", "--python-version", python]
        for tag in tags:
            command += ["--platform", tag]
        words = _pip(command, requirements, folder)
        if words is not None:
            raise _refusal(words, f"the wheels for {target.name} and Python {python}")
    return sorted(folder.glob("*.whl"))


def _pythons(target: Target) -> Sequence[str]:
    is_pi = target.linux is not None and target.linux.machine == "aarch64"
    return RASPBERRY_PI_OS if is_pi else (f"{sys.version_info.major}.{sys.version_info.minor}",)


def _pip(command: Sequence[str], requirements: str, folder: Path) -> str | None:
    """What pip says where it fails, else None."""
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
        file = Path(temporary) / "requirements.txt"
        file.write_text(requirements, encoding="utf-8")
        done = subprocess.run(
            [*command, "--dest", str(folder), "--requirement", str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    return done.stderr if done.returncode else None


def platform_tags(target: Target) -> list[str]:
    """What pip calls the platforms whose wheels run on `target`, the newest first."""
    if target.linux is None or "litert" not in target.linux.runtimes:
        raise UsageError(f"target {target.name} runs no Python", hint="build without --wheels")
    newest = int(target.linux.glibc.partition(".")[2])
    machine = target.linux.machine
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def _refusal(words: str, what: str) -> UsageError:
    """What pip says when it gives up, of all that it says."""
    if _OFFLINE.search(words):
        return UsageError(
            f"pip cannot download {what}: there is no way to the package index",
            hint="connect to the network, or build without --wheels: the device then downloads them itself",
        )
    errors = re.findall(r"^ERROR: (.*)", words, re.MULTILINE)
    reason = "; ".join(errors) or words.strip()[-300:]
    return UsageError(
        f"pip cannot download {what}: {reason}", hint="is that the Python on the device? python3 --version"
    )
