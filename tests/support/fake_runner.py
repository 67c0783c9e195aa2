"""A runner without a network: as much of the runner's command line and protocol as deployment needs.

    fake_runner.py BEHAVIOUR FOLDER serve|check|attach …

BEHAVIOUR: good; crash (ends as soon as it serves); silent (never says that it serves); unfit (fails its
check); stubborn (does not stop); chatty (says 2.5 MB first); slow (its check takes two seconds).
"""

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import sys
import time
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgeprune.device import wire

MODEL_HASH = "fa4e"


def release_id(folder: Path) -> str:
    return hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()[:12]


class Conversation:
    """Answers the requests that a Session opens with."""

    def __init__(self, folder: Path) -> None:
        self._buffer = b""
        sums = (folder / "SHA256SUMS").read_bytes()
        self._replies: dict[str, dict[str, Any]] = {
            "identify": {"protocol": wire.PROTOCOL, "runner": "fake", "build": "1", "target": "linux"},
            "model": {"hash": MODEL_HASH, "layers": 0, "inputs": 1, "outputs": 1, "state": 0},
            "device": {"clock_hz": 1, "counters": 0, "chunk": wire.LINUX_CHUNK_BYTES, "features": 0},
            "input": {"size": 4},
            "output": {"size": 4},
            "flash": {"length": len(sums), "crc": zlib.crc32(sums)},
        }

    def answer(self, data: bytes) -> bytes:
        """The replies to all lines that `data` completes."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return b"".join(map(self._answer_line, lines))

    def _answer_line(self, line: bytes) -> bytes:
        try:
            asked = wire.parse(line)
        except wire.WireError:
            return wire.encode(wire.Message("!", 0, "nak", {"code": "bad_line", "detail": 0}))
        values = dict(self._replies[asked.name])
        if asked.name == "identify":
            values["nonce"] = asked.number("nonce")
        return wire.encode(wire.Message("<", asked.sequence, asked.name, values))


def serve_pipes(folder: Path) -> None:
    conversation = Conversation(folder)
    while data := os.read(0, 65536):
        os.write(1, conversation.answer(data))


def serve(behaviour: str, folder: Path, options: list[str]) -> None:
    values = list(zip(options[::2], options[1::2], strict=True))
    state = Path(dict(values)["--state"])
    if behaviour == "crash":
        print("fake runner: out of luck", file=sys.stderr, flush=True)
        sys.exit(3)
    if behaviour == "silent":
        time.sleep(600)
    if behaviour == "chatty":
        for number in range(25000):
            print(f"{number:099}", file=sys.stderr, flush=True)
    addresses = [address for name, address in values if name == "--listen"]
    port = int(next(address for address in addresses if address.startswith("tcp:")).rpartition(":")[2])
    listener = socket.create_server(("127.0.0.1", port))
    listening = [f"tcp:127.0.0.1:{listener.getsockname()[1]}"]
    listening += [address for address in addresses if address.startswith("serial:")]
    health = {
        "release": release_id(folder),
        "pid": os.getpid(),
        "started": int(time.time()),
        "listening": listening,
    }
    (state / "health.json").write_text(json.dumps(health))
    tell_systemd("READY=1")
    print(f"fake runner: serving {health['release']}", file=sys.stderr, flush=True)
    is_stubborn = behaviour == "stubborn"
    signal.signal(signal.SIGTERM, signal.SIG_IGN if is_stubborn else lambda *_: sys.exit(0))
    try:
        while True:
            client, _ = listener.accept()
            conversation = Conversation(folder)
            with client, contextlib.suppress(OSError):
                while data := client.recv(65536):
                    client.sendall(conversation.answer(data))
    finally:
        (state / "health.json").unlink(missing_ok=True)


def tell_systemd(text: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect("\0" + address[1:] if address.startswith("@") else address)
            line.send(text.encode())


def attach(state: Path) -> None:
    address = json.loads((state / "health.json").read_text())["listening"][0]
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as line:
        while True:
            ready, _, _ = select.select([0, line], [], [])
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    return
                line.sendall(data)
            if line in ready:
                os.write(1, line.recv(65536))


def main(behaviour: str, folder: Path, command: str, *options: str) -> None:
    if command == "check":
        if behaviour == "unfit":
            sys.exit("fake runner: this model is not for me")
        time.sleep(2 if behaviour == "slow" else 0)
        print('{"ok":true,"load_ms":1}')
    elif command == "attach":
        attach(Path(options[1]))
    elif list(options) == ["--stdio"]:
        serve_pipes(folder)
    else:
        serve(behaviour, folder, list(options))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
