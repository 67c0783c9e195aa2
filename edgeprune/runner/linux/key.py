"""The shared key: who may speak to a runner that listens on a network, proved before the first request.

Challenge and response, each a line of text; NONCE is 64 hex digits that nobody used before:

    edgeprune-key 1 SERVER_NONCE        runner to host
    CLIENT_NONCE PROOF                  host to runner: HMAC-SHA256 of "edgeprune-key 1 host SN CN"
    ok PROOF                            runner to host: HMAC-SHA256 of "edgeprune-key 1 runner SN CN"
    no REASON                           ... or this, and the line is closed

Both prove that they have the key, neither tells it, and no answer serves twice. It decides who may begin a
session; what is said afterwards is neither secret nor protected: for that, use SSH.
"""

import hmac
import re
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgeprune.errors import BoardError, NotFoundError, UsageError

NAME = "edgeprune-key 1"
NONCE_DIGITS = 64
LEAST_KEY_BYTES = 16
LINE_BYTES = 256
"""Longest line of the exchange."""
ANSWER_LIMIT_S = 10.0
FAILURES = 5
FAILURE_WINDOW_S = 60.0
"""So many wrong keys from one address in so long, and it has to wait."""
ADDRESSES = 256
_HEX = re.compile(rf"[0-9a-f]{{{NONCE_DIGITS}}}")


def read_key(path: Path) -> bytes:
    """The key in a file that only its owner can read; UsageError says what is wrong with it."""
    try:
        mode = path.stat().st_mode
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(
            f"cannot read the key {path}: {error.strerror}",
            hint=f"head -c 32 /dev/urandom | base64 > {path}; chmod 600 {path}",
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"others can read the key {path}", hint=f"chmod 600 {path}")
    if len(key) < LEAST_KEY_BYTES:
        raise UsageError(
            f"the key {path} has {len(key)} bytes, at least {LEAST_KEY_BYTES} are needed",
            hint=f"head -c 32 /dev/urandom | base64 > {path}",
        )
    return key


def _proof(key: bytes, who: str, server_nonce: str, client_nonce: str) -> str:
    text = f"{NAME} {who} {server_nonce} {client_nonce}"
    return hmac.new(key, text.encode("ascii"), "sha256").hexdigest()


class Gate:
    """The runner's side for one caller, fed with what arrives."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._nonce = secrets.token_hex(NONCE_DIGITS // 2)
        self._buffer = b""
        self.challenge = f"{NAME} {self._nonce}\n".encode("ascii")

    def feed(self, data: bytes) -> "Verdict | None":
        """The verdict once a whole line has arrived."""
        self._buffer += data
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline and len(line) <= LINE_BYTES:
            return None
        nonce, _, proof = line.decode("ascii", "replace").rstrip("\r").partition(" ")
        is_right = False
        if _HEX.fullmatch(nonce) and _HEX.fullmatch(proof):
            is_right = hmac.compare_digest(proof, _proof(self._key, "host", self._nonce, nonce))
        if not is_right:
            return Verdict(False, b"no wrong key\n", b"")
        return Verdict(True, f"ok {_proof(self._key, 'runner', self._nonce, nonce)}\n".encode("ascii"), rest)


@dataclass(frozen=True)
class Verdict:
    """Whether a caller has the key, what to answer, and what he sent behind the proof."""

    is_right: bool
    answer: bytes
    rest: bytes


@dataclass
class Failures:
    """Wrong keys of late, by address."""

    _times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, address: str) -> None:
        """One more wrong key from `address`."""
        while len(self._times) >= ADDRESSES and address not in self._times:
            self._times.pop(next(iter(self._times)))
        self._times[address] = [*self._recent(address), time.monotonic()]

    def must_wait_s(self, address: str) -> int:
        """How long `address` has to wait before it may try again; 0 where it may."""
        times = self._recent(address)
        return int(times[0] + FAILURE_WINDOW_S - time.monotonic()) + 1 if len(times) >= FAILURES else 0

    def _recent(self, address: str) -> list[float]:
        oldest = time.monotonic() - FAILURE_WINDOW_S
        return [at for at in self._times.get(address, ()) if at > oldest]


def prove(key: bytes, read: Callable[[float], bytes], write: Callable[[bytes], None]) -> bytes:
    """The host's side: prove that we have `key`, and that the runner has it too.

    `read` and `write` are those of a Link. Returns what the runner sent behind its answer. NotFoundError
    where it does not ask for a key, BoardError where it refuses ours or does not have it.
    """
    deadline = time.monotonic() + ANSWER_LIMIT_S
    challenge, rest = _line(read, b"", deadline)
    name, _, server_nonce = challenge.rpartition(" ")
    if name != NAME or not _HEX.fullmatch(server_nonce):
        raise NotFoundError(
            f"the runner asks for no key, it says {challenge[:80]!r}", hint="leave out the key"
        )
    nonce = secrets.token_hex(NONCE_DIGITS // 2)
    write(f"{nonce} {_proof(key, 'host', server_nonce, nonce)}\n".encode("ascii"))
    answer, rest = _line(read, rest, deadline)
    word, _, proof = answer.partition(" ")
    if word != "ok":
        raise BoardError(
            f"the runner refuses the key: {proof[:80]}", hint="give the key that it was started with"
        )
    if not hmac.compare_digest(proof.encode(), _proof(key, "runner", server_nonce, nonce).encode()):
        raise BoardError("what answers does not have the key: it is not the runner", hint="check the address")
    return rest


def _line(read: Callable[[float], bytes], buffer: bytes, deadline: float) -> tuple[str, bytes]:
    """The next line, and what came behind it; BoardError where none comes in time."""
    while b"\n" not in buffer:
        left_s = deadline - time.monotonic()
        data = read(left_s) if left_s > 0 else b""
        if not data or len(buffer) > LINE_BYTES:
            raise BoardError("no answer about the key", hint="is it a runner that listens there?")
        buffer += data
    line, _, rest = buffer.partition(b"\n")
    return line.decode("ascii", "replace").rstrip("\r"), rest
