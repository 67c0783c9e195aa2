"""A release: the files that go to a device, their sums in SHA256SUMS, and the name that follows from them.

Used on both sides, so it needs nothing but the standard library.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgeprune.errors import ModelError

SUMS = "SHA256SUMS"
DESCRIPTION = "release.json"
MODEL = "model.tflite"
SCHEMA = 1
ID_DIGITS = 12
READ_BYTES = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_HINT = "install the release again: edgeprune flash BUNDLE"


@dataclass(frozen=True)
class Content:
    """All bytes of a release, one file after the other: how many, and their CRC-32."""

    length_bytes: int
    crc32: int


@dataclass(frozen=True)
class Release:
    """A release whose files are what SHA256SUMS says."""

    folder: Path
    id: str
    content: Content
    target: str
    runtime: str
    edgeprune: str
    model_hash: str


def release_id(sums: bytes) -> str:
    """The name of the release that has this SHA256SUMS."""
    return hashlib.sha256(sums).hexdigest()[:ID_DIGITS]


def sums_of(folder: Path, names: Iterable[str]) -> bytes:
    """The SHA256SUMS of the files `names` in `folder`, as `sha256sum` writes it, sorted by name."""
    digests = ((_digest(folder / name, 0)[0], name) for name in sorted(names))
    return "".join(f"{digest}  {name}\n" for digest, name in digests).encode()


def listed(sums: bytes) -> list[tuple[str, str]]:
    """Digest and name of each line of a SHA256SUMS; ModelError for a name that leads out of the folder."""
    found = []
    for number, line in enumerate(sums.decode("utf-8", "backslashreplace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        name = match[2] if match else ""
        path = PurePosixPath(name)
        if match is None or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ModelError(f"{SUMS} line {number} is damaged: {line[:120]!r}", hint=_HINT)
        found.append((match[1], name))
    if not found or len({name for _, name in found}) != len(found):
        raise ModelError(f"{SUMS} is damaged: it names no file, or one twice", hint=_HINT)
    return found


def content_of(folder: Path) -> Content:
    """Read every file of the release in `folder`; ModelError names the first that is not what it should be.

    The order is that of SHA256SUMS, which itself comes last.
    """
    sums = _sums(folder)
    length, crc = 0, 0
    for wanted, name in listed(sums):
        try:
            digest, count, crc = _digest(folder / name, crc)
        except OSError as error:
            raise ModelError(
                f"{folder}: {name} cannot be read: {error.strerror or error}", hint=_HINT
            ) from error
        if digest != wanted:
            raise ModelError(f"{folder}: {name} is damaged", hint=_HINT)
        length += count
    return Content(length + len(sums), zlib.crc32(sums, crc))


def open_release(folder: Path) -> Release:
    """The release in `folder`, every byte checked; ModelError says what is wrong with it."""
    content = content_of(folder)
    try:
        described = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        schema = described["schema"]
        texts = [str(described[key]) for key in ("target", "runtime", "edgeprune", "model_hash")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: {DESCRIPTION} is missing or damaged ({error})", hint=_HINT) from error
    if schema != SCHEMA:
        raise ModelError(f"{folder}: release schema {schema}, this runner knows {SCHEMA}", hint=_HINT)
    return Release(folder, release_id(_sums(folder)), content, *texts)


def _sums(folder: Path) -> bytes:
    try:
        return (folder / SUMS).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder} is no release: no {SUMS} ({error.strerror})", hint=_HINT) from error


def _digest(path: Path, crc: int) -> tuple[str, int, int]:
    """SHA-256 and length of a file, and `crc` continued over it."""
    digest, count = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
            count += len(piece)
            crc = zlib.crc32(piece, crc)
    return digest.hexdigest(), count, crc
