"""The root file system of a card: read and written without ever leaving it.

On a mounted card the links are those of the device: `/home/pi -> /mnt/data/pi` would lead onto this machine.
So for reading they are followed inside of the card, and for writing there must be none.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edgeprune.errors import UsageError, refused_by_system

MOST_LINKS = 16
Owner = tuple[int, int]


class CardRoot:
    """Paths are relative to `mount`, with or without a slash before them."""

    def __init__(self, mount: Path) -> None:
        self.mount = mount
        try:
            self._handle = os.open(mount, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise refused_by_system(error, f"cannot open {mount}") from error

    def close(self) -> None:
        """Let the card be unmounted."""
        os.close(self._handle)

    @property
    def free_bytes(self) -> int:
        """What an ordinary user may still write."""
        facts = os.fstatvfs(self._handle)
        return facts.f_bavail * facts.f_frsize

    # --- reading

    def find(self, path: str) -> str | None:
        """Where `path` leads with every link followed inside the card; None where there is nothing."""
        parts = [part for part in PurePosixPath(path).parts if part != "/"]
        place: list[str] = []
        links = 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                place = place[:-1]
                continue
            there = self.mount.joinpath(*place, part)
            if there.is_symlink():
                links += 1
                if links > MOST_LINKS:
                    return None
                target = PurePosixPath(there.readlink())
                place = [] if target.is_absolute() else place
                parts = [name for name in target.parts if name != "/"] + parts
            elif there.exists():
                place.append(part)
            else:
                return None
        return "/".join(place)

    def read(self, path: str, most_bytes: int = 1 << 24) -> bytes | None:
        """The file at `path`; None where there is none."""
        found = self.find(path)
        if found is None or not (self.mount / found).is_file():
            return None
        with (self.mount / found).open("rb") as file:
            return file.read(most_bytes)

    # --- writing

    def make_folder(self, path: str, owner: Owner) -> None:
        """The folder `path`, whose missing parts are made and belong to `owner`."""
        with self._folder(path, owner):
            pass

    def write(self, path: str, data: bytes, owner: Owner, mode: int = 0o644) -> None:
        """Write a file, whole or not at all; whatever was there before is replaced, a link too."""
        folder, _, name = path.rpartition("/")
        with self._folder(folder, owner) as place, self._refusals(path):
            part = f"{name}.part"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part, dir_fd=place)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(part, flags, mode, dir_fd=place), "wb") as file:
                file.write(data)
                file.flush()
                os.fchown(file.fileno(), *owner)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.rename(part, name, src_dir_fd=place, dst_dir_fd=place)

    def link(self, path: str, target: str, owner: Owner) -> None:
        """Make the link `path`, whose text is `target`."""
        folder, _, name = path.rpartition("/")
        with self._folder(folder, owner) as place, self._refusals(path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)
            os.symlink(target, name, dir_fd=place)

    @contextlib.contextmanager
    def _folder(self, path: str, owner: Owner) -> Iterator[int]:
        """An open folder of the card, every part of whose path is a folder and no link."""
        place = os.dup(self._handle)
        try:
            for part in (part for part in PurePosixPath(path).parts if part != "/"):
                with self._refusals(path):
                    try:
                        os.mkdir(part, 0o755, dir_fd=place)
                        os.chown(part, *owner, dir_fd=place, follow_symlinks=False)
                    except FileExistsError:
                        pass
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    below = os.open(part, flags, dir_fd=place)
                os.close(place)
                place = below
            yield place
        finally:
            os.close(place)

    @contextlib.contextmanager
    def _refusals(self, path: str) -> Iterator[None]:
        try:
            yield
        except NotADirectoryError as error:  # a link too: it is not followed
            raise UsageError(
                f"{self.mount}: a part of {path} is a link or a file, and could lead out of the card",
                hint="put the release there with the device running: flash --host",
            ) from error
        except PermissionError as error:
            raise UsageError(
                f"no permission to write {path} on {self.mount}", hint="run this one command with sudo"
            ) from error
        except OSError as error:
            raise refused_by_system(error, f"cannot write {path} on {self.mount}") from error
