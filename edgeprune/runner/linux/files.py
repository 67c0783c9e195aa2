"""Files on the device that a power cut leaves whole."""

import contextlib
import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` at `path`, on the disk before this returns; a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def remove_durably(path: Path) -> None:
    """Remove `path`; nothing happens where it is not there."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        _sync(path.parent)


def _sync(folder: Path) -> None:
    """The name of a file is in its folder, which has to reach the disk as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
