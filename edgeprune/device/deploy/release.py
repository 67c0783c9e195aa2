"""The release in a Bundle: the files that go to a Linux device, and what they ask of it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from edgeprune.artifact import Bundle, sha256_file
from edgeprune.errors import ModelError
from edgeprune.runner.linux.release import DESCRIPTION, SUMS, listed, release_id

_HINT = "make the Bundle again: edgeprune build MODEL --target T"
_MACHINES = {"aarch64", "x86_64"}


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class LocalRelease:
    """A release in a folder here, every file checked; `glibc` and `python` are the least versions, or None.

    environment_id     names the Python environment that it needs on the device; None where it needs none
    environment_bytes  what that takes there
    """

    folder: Path
    id: str
    files: tuple[ReleaseFile, ...]
    machine: str
    runtime: str
    glibc: str | None
    python: str | None
    environment_id: str | None
    environment_bytes: int

    @property
    def size_bytes(self) -> int:
        """All its files."""
        return sum(file.size_bytes for file in self.files)


def read_release(bundle: Bundle) -> LocalRelease:
    """The release in `bundle`; ModelError where it has none, or one that is damaged."""
    folder = bundle.path
    try:
        sums = (folder / SUMS).read_bytes()
        described = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        machine, runtime = described["machine"], described["runtime"]
        glibc, python = described["glibc"], described["python"]
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} holds nothing for a Linux device: no {Path(str(error.filename)).name}",
            hint="build it for one: edgeprune build MODEL --target rpi4",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / DESCRIPTION} is damaged: {error}", hint=_HINT) from error
    if machine not in _MACHINES or runtime not in ("litert", "native"):
        raise ModelError(f"{folder / DESCRIPTION} is damaged: {machine!r}, {runtime!r}", hint=_HINT)
    entries = [(name, digest, folder / name) for digest, name in listed(sums)]
    for name, digest, path in entries:
        if not path.is_file() or sha256_file(path) != digest:
            raise ModelError(f"{folder}: {name} is not what {SUMS} says", hint=_HINT)
    sums_file = folder / SUMS
    entries.append((SUMS, sha256_file(sums_file), sums_file))  # last: where it is, all is there
    files = tuple(ReleaseFile(name, digest, path.stat().st_size) for name, digest, path in entries)
    requirements = next((file for file in files if file.name == "requirements.txt"), None)
    return LocalRelease(
        folder=folder,
        id=release_id(sums),
        files=files,
        machine=machine,
        runtime=runtime,
        glibc=glibc,
        python=python,
        environment_id=requirements.sha256[:12] if requirements else None,
        environment_bytes=_environment_bytes(folder) if requirements else 0,
    )


def _environment_bytes(folder: Path) -> int:
    """What install.sh wants to have free for the Python environment: it knows best."""
    match = re.search(r"^VENV_KIB=(\d+)", (folder / "install.sh").read_text("utf-8"), re.MULTILINE)
    if match is None:
        raise ModelError(f"{folder}: install.sh does not say what the environment takes", hint=_HINT)
    return 1024 * int(match[1])
