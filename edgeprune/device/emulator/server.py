"""A virtual board that stays: it serves its serial line on a pty and a TCP port until it is stopped.

Run as `python -m edgeprune.device.emulator.server FOLDER TARGET`. The board's folder then holds
`server.json` (where it listens) and `control.sock` (one JSON line asks to flash, reset or stop), and
`server.lock` is locked for as long as the server lives.
"""

import contextlib
import json
import os
import pty
import selectors
import signal
import socket
import sys
import tty
from pathlib import Path
from typing import Any

from edgeprune.artifact import write_atomic
from edgeprune.device import wire
from edgeprune.device.board import Board, lock_file, short_path
from edgeprune.device.emulator.start import VirtualBoard, start_board
from edgeprune.device.target import Target, find_target
from edgeprune.errors import BoardError, EdgepruneError

POLL_S = 0.05
RUN_S = 0.05
"""How long a busy board runs before the lines are looked at again."""


class Server:
    """One board, its pty, its TCP clients and its control socket."""

    def __init__(self, folder: Path, target: Target) -> None:
        self._folder = folder
        self._target = target
        self._image = Board(folder.name, target, folder).image
        self._board: VirtualBoard | None = None
        self._clients: list[socket.socket] = []
        self._is_stopping = False
        self._selector = selectors.DefaultSelector()
        self._master, self._slave = pty.openpty()  # the slave stays open: clients come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._listener = socket.create_server(("127.0.0.1", 0))
        (folder / "control.sock").unlink(missing_ok=True)
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_path(folder) as short:
            self._control.bind(f"{short}/control.sock")
        self._control.listen()
        self._selector.register(self._master, selectors.EVENT_READ, self._on_pty)
        self._selector.register(self._listener, selectors.EVENT_READ, self._on_client)
        self._selector.register(self._control, selectors.EVENT_READ, self._on_control)

    def describe(self) -> dict[str, Any]:
        """Where the board can be reached."""
        return {
            "id": self._folder.name,
            "target": self._target.name,
            "pid": os.getpid(),
            "pty": os.ttyname(self._slave),
            "socket": f"socket://127.0.0.1:{self._listener.getsockname()[1]}",
        }

    def serve(self) -> None:
        """Serve until told to stop."""
        if self._image.exists():
            self._start()
        while not self._is_stopping:
            idle = self._board is None or self._board.is_idle
            for key, _ in self._selector.select(POLL_S if idle else 0):
                key.data(key.fileobj)
            self._pump()
        if self._board is not None:
            self._board.close()

    def _start(self) -> None:
        if self._board is not None:
            self._forget()
        self._board = start_board(self._target, self._image)
        self._watch()

    def _watch(self) -> None:
        assert self._board is not None
        self._watched = self._board.fileno()
        if self._watched is not None:
            self._selector.register(self._watched, selectors.EVENT_READ, lambda _file: None)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched)

    def _forget(self) -> None:
        assert self._board is not None
        self._unwatch()
        self._board.close()
        self._board = None

    def _pump(self) -> None:
        """Let the board run, and pass on what it says."""
        if self._board is None:
            return
        try:
            data = self._board.read(0 if self._board.fileno() is not None else RUN_S)
        except BoardError:
            data = self._last_words()
        if self._board is not None and self._board.fileno() != self._watched:  # it started again
            self._unwatch()
            self._watch()
        if data:
            self._say(data)

    def _last_words(self) -> bytes:
        """What a board says whose firmware crashed so hard that it cannot say it."""
        address = getattr(self._board, "crash_pc", None) or 0
        return wire.encode(wire.Message("!", 0, "nak", {"code": "fault", "detail": address}))

    def _say(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads the pty: its buffer is full
            os.write(self._master, data)
        for client in list(self._clients):
            try:
                client.sendall(data)
            except OSError:
                self._drop(client)

    def _hear(self, data: bytes) -> None:
        if self._board is None:
            return
        try:
            self._board.write(data)
            if getattr(self._board, "crash_pc", None) is not None:
                self._say(self._last_words())
        except BoardError:
            self._say(self._last_words())

    def _on_pty(self, _file: object) -> None:
        with contextlib.suppress(OSError):
            self._hear(os.read(self._master, 4096))

    def _on_client(self, _file: object) -> None:
        client, _ = self._listener.accept()
        client.settimeout(1)
        self._clients.append(client)
        self._selector.register(client, selectors.EVENT_READ, self._on_bytes)

    def _on_bytes(self, client: Any) -> None:
        try:
            data = client.recv(4096)
        except OSError:
            data = b""
        if data:
            self._hear(data)
        else:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._clients.remove(client)
        self._selector.unregister(client)
        client.close()

    def _on_control(self, _file: object) -> None:
        caller, _ = self._control.accept()
        with caller, contextlib.suppress(OSError, ValueError):
            caller.settimeout(2)
            asked = json.loads(caller.makefile().readline())
            try:
                self._obey(asked["do"])
                answer: dict[str, object] = {"ok": True}
            except EdgepruneError as error:
                answer = {"ok": False, "message": error.message, "hint": error.hint}
            caller.sendall(json.dumps(answer).encode() + b"\n")

    def _obey(self, what: str) -> None:
        if what == "stop":
            self._is_stopping = True
        elif what == "flash" or (what == "reset" and self._image.exists()):
            self._start()


def main(arguments: list[str]) -> None:
    """Hold the board's server lock, say where it listens, and serve."""
    folder = Path(arguments[0])
    with lock_file(folder / "server.lock", f"board {folder.name}", wait_s=0):
        server = Server(folder, find_target(arguments[1]))
        signal.signal(signal.SIGTERM, lambda *_: server._obey("stop"))
        signal.signal(signal.SIGINT, lambda *_: server._obey("stop"))
        write_atomic(folder / "server.json", json.dumps(server.describe()) + "\n")
        try:
            server.serve()
        finally:
            (folder / "server.json").unlink(missing_ok=True)
            (folder / "control.sock").unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
