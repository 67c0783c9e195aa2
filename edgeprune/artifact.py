"""Files that outlive a command: the stage store, and the Bundle that `build` leaves.

Nothing here is ever half-written: files and folders are made under another name and renamed.
The store keeps the outcome of a stage under the hash of everything it depends on (arguments, input
files, the code of the packages it runs), so a build that is repeated reuses what has not changed,
and one that was interrupted goes on in the same work folder.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.errors import ModelError, UsageError, refused_by_system

log = logging.getLogger("edgeprune")

BUNDLE_SCHEMA = 1
MANIFEST = "manifest.json"
# What the commands on a Bundle read of its manifest.
FIELDS = {"target": str, "model_hash": str, "memory": dict, "layers": list, "parity": dict, "io": dict}


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` to `path` so that a reader, or a power cut, sees the old file or the new one.

    Raises UsageError where the system does not let us.
    """
    raw = data.encode() if isinstance(data, str) else data
    if path.is_dir():
        raise UsageError(f"{path} is a folder, a file is to be written", hint="name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(path, raw)
    except OSError as error:
        raise refused_by_system(error, f"cannot write {path}") from error


def _write_and_rename(path: Path, raw: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def to_json(value: Any) -> str:
    """`value` as readable JSON with a newline at the end; the same value gives the same text."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


@cache
def code_hash(*packages: str) -> str:
    """Hash of the sources of `packages` (folders or modules of edgeprune): the code a stage runs."""
    root = Path(__file__).parent
    digest = hashlib.sha256(__version__.encode())
    for package in packages:
        place = root / package
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for file in files:
            if file.suffix in {".py", ".c", ".h", ".toml", ".ld"} and file.is_file():
                digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in a fixed order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@dataclass(frozen=True)
class Stage:
    """One finished step of a build: what it left, and whether it had to run."""

    name: str
    folder: Path
    key: str
    seconds: float
    cached: bool

    def json(self, file: str) -> Any:
        """One of the stage's JSON files."""
        return json.loads((self.folder / file).read_text(encoding="utf-8"))

    def record(self) -> dict[str, Any]:
        """As INTERFACE.md wants it."""
        return {"name": self.name, "seconds": round(self.seconds, 3), "cached": self.cached}


def default_store() -> Path:
    """Where stages are kept: EDGEPRUNE_CACHE_DIR, else the user's cache folder."""
    override = os.environ.get("EDGEPRUNE_CACHE_DIR")
    if override:
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME") or home_folder() / ".cache"
    return Path(base) / "edgeprune"


def home_folder() -> Path:
    """The user's home; UsageError where this user has none."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(
            "this user has no home folder", hint="set HOME, or EDGEPRUNE_CACHE_DIR and EDGEPRUNE_STATE_DIR"
        ) from error


class Store:
    """Finished stages by the hash of their inputs, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def stage(
        self,
        name: str,
        inputs: Mapping[str, object],
        make: Callable[[Path, Path], None],
    ) -> Stage:
        """Reuse the stage `name` of these `inputs`, or run `make(result, work)`.

        `make` fills the folder `result`; what it leaves in the folder `work` survives an
        interruption and is there when the same stage is tried again.
        """
        key = sha256_bytes(json.dumps([name, __version__, inputs], sort_keys=True).encode())[:32]
        folder = self.root / "stages" / f"{name}-{key}"
        is_there = self._is_whole(folder)  # before the lock: a store that is read-only can be reused
        seconds = 0.0
        if not is_there:
            with self._alone(folder.name) as has_waited:
                is_there = has_waited and self._is_whole(folder)
                if not is_there:
                    seconds = self._make(name, folder, make)
        if is_there:
            log.info("%-10s reused", name)
        return Stage(name, folder, key, seconds, is_there)

    def _make(self, name: str, folder: Path, make: Callable[[Path, Path], None]) -> float:
        """Run `make` and install what it left as `folder`; returns the seconds that it took."""
        log.info("%-10s …", name)
        started = time.monotonic()
        work = self.root / "work" / folder.name
        work.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        result = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        try:
            make(result, work)
            hashes = {str(p.relative_to(result)): sha256_file(p) for p in files_below(result)}
            write_atomic(result / ".stage.json", to_json(hashes))
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)
            result.replace(folder)
        except BaseException:
            shutil.rmtree(result, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)
        seconds = time.monotonic() - started
        log.info("%-10s done in %.1f s", name, seconds)
        return seconds

    @contextlib.contextmanager
    def _alone(self, stage: str) -> Iterator[bool]:
        """Keep other processes off `stage`, whose work folder they would share; tells whether one was."""
        path = self.root / "locks" / stage
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            has_waited = False
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                has_waited = True
                log.info("%-10s waits for another build that makes the same", stage.rpartition("-")[0])
                fcntl.flock(file, fcntl.LOCK_EX)
            yield has_waited

    def _is_whole(self, folder: Path) -> bool:
        """Whether `folder` holds exactly the bytes that its stage left."""
        try:
            hashes = json.loads((folder / ".stage.json").read_text(encoding="utf-8"))
            if all(sha256_file(folder / file) == digest for file, digest in hashes.items()):
                return True
            damage = "its files changed"
        except FileNotFoundError as error:
            if not folder.exists():
                return False
            damage = f"{Path(str(error.filename)).name} is gone"
        except (OSError, ValueError) as error:
            damage = str(error)
        log.warning("%s: stored stage is damaged (%s); it runs again", folder.name, damage)
        return False


@dataclass(frozen=True)
class Bundle:
    """The folder that `build` leaves: model, firmware or runner, manifest, report."""

    path: Path
    manifest: Mapping[str, Any]

    @staticmethod
    def open(path: Path | str) -> "Bundle":
        """Read a Bundle and check every file against the manifest; raises ModelError, UsageError."""
        path = Path(path)
        if not path.exists():
            raise UsageError(f"no Bundle at {path}", hint="make one: edgeprune build MODEL --target T")
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            schema, files = manifest["schema"], dict(manifest["files"])
        except NotADirectoryError:
            raise ModelError(
                f"{path} is a file; a Bundle is the folder that build leaves", hint="name the folder"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} is not a Bundle: {MANIFEST} is missing or damaged ({error})",
                hint="make it again: edgeprune build MODEL --target T",
            ) from error
        if schema != BUNDLE_SCHEMA:
            raise ModelError(
                f"{path} has Bundle schema {schema}, this edgeprune reads {BUNDLE_SCHEMA}",
                hint=f"build it again with edgeprune {__version__}",
            )
        wrong = [key for key, kind in FIELDS.items() if not isinstance(manifest.get(key), kind)]
        if wrong:
            raise ModelError(
                f"{path / MANIFEST} is damaged: {', '.join(wrong)} missing or of another type",
                hint="make the Bundle again: edgeprune build",
            )
        for name, digest in files.items():
            file = path / name
            if not file.is_file() or sha256_file(file) != digest:
                state = "differs from the manifest" if file.is_file() else "is missing"
                raise ModelError(f"{path}: {name} {state}", hint="make the Bundle again: edgeprune build")
        return Bundle(path, manifest)


def install_folder(made: Path, place: Path) -> None:
    """Move the finished folder `made` to `place`, replacing an older Bundle there as a whole.

    Raises UsageError where `place` holds something that is no Bundle: it is not ours to delete.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not is_replaceable(place):
        raise UsageError(f"{place} exists and is not a Bundle", hint="choose another --out, or remove it")
    old = place.with_name(f".{place.name}.old-{os.getpid()}")
    if place.exists():
        place.replace(old)
    try:
        made.replace(place)
    except BaseException:
        if old.exists():
            old.replace(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def is_replaceable(place: Path) -> bool:
    """Whether `place` is a Bundle or an empty folder, so that a build may replace it."""
    return place.is_dir() and ((place / MANIFEST).is_file() or not any(place.iterdir()))
