"""The hosts that SSH knows by their keys: strict, as a board that takes over an address must be noticed.

Reads OpenSSH's `known_hosts`, hashed names, patterns and revoked keys included; certificate authorities are
not followed, so a host that is known by one only counts as unknown.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import NotFoundError, UsageError, refused_by_system


@dataclass(frozen=True)
class HostKey:
    """A host's public key: its type and its bytes, as on the wire."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"


@dataclass(frozen=True)
class KnownHosts:
    """Files of known hosts; new ones are added to the first."""

    files: tuple[Path, ...]

    def keys_of(self, name: str) -> list[HostKey]:
        """The keys that `name` is known by."""
        return [key for marker, names, key in self._lines() if not marker and _matches(name, names)]

    def check(self, name: str, key: HostKey, *, accepts_new: bool) -> bool:
        """Whether the key is new and was added; NotFoundError where it must not be trusted."""
        if any(marker == "@revoked" and key == revoked for marker, _, revoked in self._lines()):
            raise NotFoundError(f"{name} shows a key that was revoked: {key}", hint="do not trust this host")
        known = self.keys_of(name)
        if key in known:
            return False
        if known:
            raise NotFoundError(
                f"{name} is not who it was: it shows the key {key}, known is "
                f"{' and '.join(map(str, known))}. Somebody may be in between",
                hint="if you wrote its card anew, forget the old key: "
                f"ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(self._place_of(name)))}",
            )
        if not accepts_new:
            host, port = _split(name)
            raise NotFoundError(
                f"{name} is unknown here: it shows the key {key}",
                hint="compare with what `ssh-keygen -lf /etc/ssh/ssh_host_"
                f"{_short(key.kind)}_key.pub` says on it, then run --accept-new-host-key, or: "
                f"ssh-keyscan -p {port} {host} >> {shlex.quote(str(self.files[0]))}",
            )
        self._add(name, key)
        return True

    def _place_of(self, name: str) -> Path:
        return next((file for file in self.files if KnownHosts((file,)).keys_of(name)), self.files[0])

    def _add(self, name: str, key: HostKey) -> None:
        path = self.files[0]
        line = f"{name} {key.kind} {base64.b64encode(key.blob).decode()}\n"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "r+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                has_end = size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n"
                file.write((line if has_end else f"\n{line}").encode())
        except OSError as error:
            raise refused_by_system(error, f"cannot add {name} to {path}") from error

    def _lines(self) -> Iterator[tuple[str, list[str], HostKey]]:
        for path in self.files:
            try:
                text = path.read_text("utf-8", errors="replace") if path.exists() else ""
            except OSError as error:
                raise UsageError(f"cannot read {path}: {error.strerror}") from error
            for line in text.splitlines():
                words = line.split()
                marker = words.pop(0) if words and words[0].startswith("@") else ""
                if len(words) < 3 or words[0].startswith("#"):
                    continue
                try:
                    yield marker, words[0].split(","), HostKey(words[1], base64.b64decode(words[2]))
                except binascii.Error:
                    continue  # as ssh does: a damaged line makes no host known


def host_name(host: str, port: int) -> str:
    """What a host is called in `known_hosts`."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def _split(name: str) -> tuple[str, str]:
    host, _, port = name.rpartition(":")
    return (host.strip("[]"), port) if name.startswith("[") else (name, "22")


def _short(kind: str) -> str:
    return {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}.get(kind, "ecdsa")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    found = False
    for pattern in patterns:
        if pattern.startswith("!") and fnmatch.fnmatchcase(name, _glob(pattern[1:])):
            return False
        if pattern.startswith("|1|"):
            found = found or _is_hash_of(pattern, name)
        else:
            found = found or fnmatch.fnmatchcase(name, _glob(pattern))
    return found


def _glob(pattern: str) -> str:
    """In `known_hosts` brackets are just brackets."""
    return pattern.lower().replace("[", "[[]")


def _is_hash_of(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        made = hmac.new(base64.b64decode(salt), name.encode(), "sha1").digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
