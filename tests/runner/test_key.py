"""The shared key: both sides prove that they have it, and guessing is slow."""

import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runner.releases import Service, read_line

from edgeprune.device import wire
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, NotFoundError, UsageError
from edgeprune.runner.linux import key as key_module
from edgeprune.runner.linux.key import FAILURES, Failures, Gate, prove, read_key

KEY = b"a key that is long enough"
IDENTIFY = wire.request(1, "identify", nonce=5)
Serve = Callable[..., Service]


class SocketLink:
    """A Link over a bare connection."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line

    def write(self, data: bytes) -> None:
        self.line.sendall(data)

    def read(self, timeout_s: float) -> bytes:
        self.line.settimeout(max(timeout_s, 0.001))
        try:
            return self.line.recv(4096)
        except TimeoutError:
            return b""

    def reset(self) -> None:
        """It cannot."""

    def close(self) -> None:
        self.line.close()


def meet(server_key: bytes, client_key: bytes) -> tuple[bool, bytes]:
    """Both sides in memory: what the gate says, and what the client returns."""
    gate = Gate(server_key)
    waiting, verdicts = [gate.challenge], []

    def write(data: bytes) -> None:
        for at in range(0, len(data), 7):  # as it may arrive
            verdict = gate.feed(data[at : at + 7])
            if verdict is not None:
                verdicts.append(verdict)
                waiting.append(verdict.answer)

    def read(_timeout_s: float) -> bytes:
        return waiting.pop(0) if waiting else b""

    try:
        rest = prove(client_key, read, write)
    except BoardError as error:
        assert "wrong key" in error.message
        rest = b"refused"
    return verdicts[0].is_right, rest


def test_the_right_key_opens_and_a_wrong_one_does_not() -> None:
    assert meet(KEY, KEY) == (True, b"")
    assert meet(KEY, KEY + b"x") == (False, b"refused")


def test_the_exchange_is_what_the_docstring_says() -> None:
    gate = Gate(KEY)
    assert re.fullmatch(rb"edgeprune-key 1 [0-9a-f]{64}\n", gate.challenge)
    import hashlib
    import hmac

    server, client = gate.challenge.split()[2].decode(), "0123456789abcdef" * 4

    def proof(who: str) -> str:
        return hmac.new(KEY, f"edgeprune-key 1 {who} {server} {client}".encode(), hashlib.sha256).hexdigest()

    verdict = gate.feed(f"{client} {proof('host')}\nbehind".encode())
    assert verdict is not None
    assert (verdict.is_right, verdict.rest) == (True, b"behind")
    assert verdict.answer == f"ok {proof('runner')}\n".encode()


def test_an_answer_does_not_serve_twice() -> None:
    said: list[bytes] = []
    first = Gate(KEY)
    waiting = [first.challenge]

    def write(data: bytes) -> None:
        said.append(data)
        verdict = first.feed(data)
        assert verdict is not None
        waiting.append(verdict.answer)

    prove(KEY, lambda _s: waiting.pop(0), write)
    again = Gate(KEY).feed(said[0])
    assert again is not None
    assert not again.is_right


@pytest.mark.parametrize(
    "said",
    [
        b"\n",
        b"rubbish\n",
        b"0" * 64 + b" " + b"0" * 64 + b"\n",
        b"0" * 64 + b"\n",
        b"\xff" * 300,
        b"x" * 5000,
    ],
)
def test_nonsense_is_a_wrong_key(said: bytes) -> None:
    verdict = Gate(KEY).feed(said)
    assert verdict is not None
    assert (verdict.is_right, verdict.answer) == (False, b"no wrong key\n")


def test_a_runner_without_the_key_is_found_out() -> None:
    """Whoever sits at the address may not just say that all is well."""
    waiting = [Gate(b"another key, long enough").challenge, b"ok " + b"0" * 64 + b"\n"]
    with pytest.raises(BoardError, match="does not have the key"):
        prove(KEY, lambda _s: waiting.pop(0), lambda _data: None)


def test_a_runner_that_asks_for_none_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="asks for no key"):
        prove(KEY, lambda _s: b"!0000 nak code=bad_line detail=0 *00000000\n", lambda _data: None)
    with pytest.raises(BoardError, match="no answer about the key"):
        prove(KEY, lambda _s: b"", lambda _data: None)


def test_an_address_that_guesses_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = Failures()
    for _ in range(FAILURES):
        assert failures.must_wait_s("10.0.0.1") == 0
        failures.note("10.0.0.1")
    assert 0 < failures.must_wait_s("10.0.0.1") <= key_module.FAILURE_WINDOW_S + 1
    assert failures.must_wait_s("10.0.0.2") == 0
    now = time.monotonic()
    monkeypatch.setattr(key_module.time, "monotonic", lambda: now + key_module.FAILURE_WINDOW_S + 1)
    assert failures.must_wait_s("10.0.0.1") == 0


def test_many_addresses_take_no_memory() -> None:
    failures = Failures()
    for number in range(3 * key_module.ADDRESSES):
        failures.note(str(number))
    assert len(failures._times) == key_module.ADDRESSES


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [(KEY, 0o644, "others can read"), (b"short", 0o600, "has 5 bytes"), (None, 0o600, "cannot read the key")],
)
def test_keys_are_read_strictly(tmp_path: Path, content: bytes | None, mode: int, said: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(UsageError, match=said) as raised:
        read_key(path)
    assert raised.value.hint


# --- the runner


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    path.chmod(0o600)
    return path


def test_a_network_address_is_for_those_with_the_key(
    service: Serve, tiny_release: Path, key_file: Path
) -> None:
    listen = ("tcp:0.0.0.0:0", "tcp:127.0.0.1:0")
    runner = service(tiny_release, listen=listen, more=("--key-file", key_file))
    link = SocketLink(runner.raw())
    assert prove(KEY, link.read, link.write) == b""
    session = Session(link, 7)
    assert session.run([bytes(72)]).outputs
    link.close()
    with runner.raw() as line:  # a request instead of the proof
        assert read_line(line).startswith(b"edgeprune-key 1 ")
        line.sendall(IDENTIFY)
        assert read_line(line) == b"no wrong key\n"
        assert line.recv(100) == b""
    assert runner.health is not None
    port = int(runner.health["listening"][1].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:  # loopback needs none
        line.sendall(IDENTIFY)
        assert wire.parse(read_line(line).rstrip(b"\n")).name == "identify"
    assert KEY.decode() not in runner.log


def test_guesses_are_counted(service: Serve, tiny_release: Path, key_file: Path) -> None:
    runner = service(tiny_release, listen=("tcp:0.0.0.0:0",), more=("--key-file", key_file))
    for _ in range(FAILURES):
        link = SocketLink(runner.raw())
        with pytest.raises(BoardError, match="wrong key"):
            prove(b"quite another key", link.read, link.write)
        link.close()
    with runner.raw() as line:
        assert read_line(line).startswith(b"no too many wrong keys, wait ")
        assert line.recv(100) == b""
    assert runner.log.count("wrong key from 127.0.0.1") == FAILURES


def test_who_says_nothing_is_sent_away(
    service: Serve, tiny_release: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeprune.runner.linux import server
    from edgeprune.runner.linux.notify import Notifier

    monkeypatch.setattr(server, "ANSWER_LIMIT_S", 0.1)
    listener = socket.create_server(("127.0.0.1", 0))
    loop = server.Server(None, Notifier())  # type: ignore[arg-type]
    loop._commands = type("Nothing", (), {"wants_reset": False})()  # type: ignore[assignment]
    loop.listen(listener, "test", KEY)
    line = socket.create_connection(listener.getsockname(), timeout=10)
    thread = threading.Thread(target=lambda: [loop._turn(min(0.05, loop._wait_s())) for _ in range(20)])
    thread.start()
    assert read_line(line).startswith(b"edgeprune-key 1 ")
    assert line.recv(100) == b""
    thread.join()
    loop.close()
