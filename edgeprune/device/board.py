"""A Board: one physical or virtual device of a Target, and the way to talk to it.

A virtual board is a folder below the state folder (EDGEPRUNE_STATE_DIR, else XDG_STATE_HOME/edgeprune):
its flash is the file `flash.bin`, so what one command flashes the next one finds. It runs inside the
command that talks to it, unless `boards start` keeps it open; then commands find it by its id.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import write_atomic
from edgeprune.device.emulator.start import start_board
from edgeprune.device.link import Damaged, Injection, Link, Recorded, SerialLink
from edgeprune.device.session import Session
from edgeprune.device.target import Target, find_target, target_names
from edgeprune.errors import BoardError, NotFoundError, UsageError
from edgeprune.table import did_you_mean

LOCK_WAIT_S = 20.0
START_WAIT_S = 20.0
RUNNER_WAIT_S = 60.0
"""An emulated Python takes so long at most until it has imported LiteRT."""
ATTACH_WAIT_S = 20.0
"""And so long until it bridges a serial console to the runner."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def state_folder() -> Path:
    """Where virtual boards and locks live."""
    override = os.environ.get("EDGEPRUNE_STATE_DIR")
    if override:
        return Path(override).absolute()
    try:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise UsageError("this user has no home folder", hint="set HOME or EDGEPRUNE_STATE_DIR") from error
    return Path(base).absolute() / "edgeprune"


@dataclass(frozen=True)
class Access:
    """How a Linux device is reached over the network or its console.

    user, identity        whom to log in as, and with which private key; None: what SSH's own settings say
    accepts_new_host      take the key of a host that was never seen before
    key_file              the shared key of a runner that listens on a network
    """

    host: str | None = None
    user: str | None = None
    identity: Path | None = None
    accepts_new_host: bool = False
    key_file: Path | None = None


@dataclass(frozen=True)
class Board:
    """One device: with a `port` or a host it is real or foreign, else it is virtual and lives in `folder`."""

    id: str
    target: Target
    folder: Path
    port: str | None = None
    access: Access = Access()

    @property
    def is_virtual(self) -> bool:
        """Whether we are the board."""
        return self.port is None and self.access.host is None

    @property
    def image(self) -> Path:
        """What a virtual board runs: its flash, or the release that is installed on it."""
        if self.target.linux is not None:
            return self.folder / "prefix" / "current" / "release.json"
        return self.folder / "flash.bin"

    def server(self) -> dict[str, Any] | None:
        """Where the running board listens, if `boards start` keeps it open."""
        if not self.is_virtual or not is_locked(self.folder / "server.lock"):
            return None
        with contextlib.suppress(OSError, ValueError):
            description: dict[str, Any] = json.loads((self.folder / "server.json").read_text("utf-8"))
            return description
        return None

    def program(self, image: bytes) -> None:
        """Put `image` into the flash and start it; a board on a port cannot be programmed by it."""
        if not self.is_virtual:
            raise UsageError(
                f"a board on {self.port} cannot be flashed over its serial line",
                hint="program firmware.bin with the board's own probe, then profile with --port",
            )
        write_atomic(self.image, image)
        self.image.chmod(0o755)
        if self.server() is not None:
            control(self, "flash")

    def open_link(self) -> Link:
        """Connect to the board; NotFoundError where there is none."""
        if self.target.linux is not None and not self.is_virtual:
            from edgeprune.device.linux_board import open_line

            return open_line(self)
        if self.port is not None:
            return SerialLink(self.port)
        running = self.server()
        if running is not None:
            return RunningLink(self, running["socket"])
        if not self.image.exists():
            raise NotFoundError(
                f"nothing was flashed on board {self.id}", hint="edgeprune flash BUNDLE puts it there"
            )
        return start_board(self.target, self.image)


class RunningLink(SerialLink):
    """A link to a board that `boards start` keeps open, which can be reset from outside."""

    def __init__(self, board: Board, url: str) -> None:
        super().__init__(url)
        self._board = board

    def reset(self) -> None:
        """Press the board's reset button."""
        control(self._board, "reset")


def virtual_board(target: Target, board_id: str | None = None) -> Board:
    """The virtual board `board_id` of `target`; without an id, the target's default board."""
    name = board_id or target.name
    if not _ID.fullmatch(name):
        raise UsageError(f"{name!r} is not a board id", hint="letters, digits, '.', '_' and '-'")
    return Board(name, target, state_folder() / "boards" / name)


def known_boards() -> list[Board]:
    """All virtual boards that were flashed or started, sorted by id."""
    boards = []
    for path in sorted((state_folder() / "boards").glob("*/board.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, UsageError):
            target = find_target(json.loads(path.read_text("utf-8"))["target"])
            boards.append(virtual_board(target, path.parent.name))
    return boards


def find_board(
    target: Target | None,
    board_id: str | None = None,
    port: str | None = None,
    access: Access | None = None,
) -> Board:
    """The board that a command means by --board, --port or --host, else the default board of `target`."""
    access = access or Access()
    if sum(given is not None for given in (port, board_id, access.host)) > 1:
        raise UsageError("--board, --port and --host name two boards", hint="give one of them")
    if access.host is not None:
        return _remote(target, access)
    if port is not None:
        if target is None:
            raise UsageError("--port needs --target", hint=f"one of {', '.join(target_names())}")
        key = hashlib.sha256(port.encode()).hexdigest()[:16]
        return Board(port, target, state_folder() / "ports" / key, port, access)
    if board_id is None:
        if target is None:
            raise UsageError("which board?", hint="give --board, --port or --target")
        return virtual_board(target)
    boards = {board.id: board for board in known_boards()}
    if board_id not in boards and board_id in target_names():
        boards[board_id] = virtual_board(find_target(board_id))
    if board_id not in boards:
        names = dict.fromkeys([*boards, *target_names()])
        raise NotFoundError(f"no board {board_id!r}", hint=did_you_mean(board_id, names))
    board = boards[board_id]
    if target is not None and board.target.name != target.name:
        raise UsageError(f"board {board.id} is a {board.target.name}, not a {target.name}")
    return board


def _remote(target: Target | None, access: Access) -> Board:
    if target is None or target.linux is None:
        raise UsageError(
            "--host is for devices with an operating system"
            + ("" if target is None else f"; {target.name} is a microcontroller"),
            hint="a microcontroller is reached with --port",
        )
    assert access.host is not None
    key = hashlib.sha256(access.host.encode()).hexdigest()[:16]
    return Board(access.host, target, state_folder() / "hosts" / key, access=access)


def register(board: Board) -> None:
    """Make the board's folder, so that it is found by its id."""
    board.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if board.is_virtual:
        write_atomic(board.folder / "board.json", json.dumps({"target": board.target.name}) + "\n")


# --- one command at a time


@contextlib.contextmanager
def lock_file(path: Path, what: str, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold a lock that dies with this process; NotFoundError says who holds it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + wait_s
    with path.open("a+", encoding="utf-8", errors="backslashreplace") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise NotFoundError(f"{what} is in use by {holder}", hint="wait for it, or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}: {' '.join(sys.argv)[:200]}\n")
        file.flush()
        yield


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock at `path`."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextlib.contextmanager
def hold(board: Board) -> Iterator[None]:
    """Keep other commands off the board."""
    register(board)
    with lock_file(board.folder / "lock", f"board {board.id}"):
        yield


@contextlib.contextmanager
def open_session(
    board: Board, *, injection: Injection | None = None, record: Path | None = None
) -> Iterator[Session]:
    """A recorded Session with a board that this command holds.

    The record is kept in the board's folder (`session.log`) unless `record` names another file. A board
    that crashed before is reset once.
    """
    link = board.open_link()
    if injection is not None:
        link = Damaged(link, injection)
    session_id = secrets.randbelow(1 << 32)
    link = Recorded(link, record or board.folder / "session.log", session_id)
    start_wait_s = 0.0
    if board.target.linux is not None:
        start_wait_s = RUNNER_WAIT_S if board.is_virtual else ATTACH_WAIT_S
    try:
        try:
            session = Session(link, session_id, start_wait_s)
        except BoardError as error:
            if "crashed" not in error.message:
                raise
            link.reset()
            session = Session(link, session_id)
        yield session
    finally:
        link.close()


# --- boards that stay open


def control(board: Board, what: str) -> None:
    """Ask the running board to `flash`, `reset` or `stop`."""
    try:
        with short_path(board.folder) as folder, socket.socket(socket.AF_UNIX) as line:
            line.settimeout(START_WAIT_S)
            line.connect(f"{folder}/control.sock")
            line.sendall(json.dumps({"do": what}).encode() + b"\n")
            answer = json.loads(line.makefile().readline())
    except (OSError, ValueError) as error:
        raise BoardError(
            f"board {board.id} does not listen: {error}", hint="edgeprune boards list"
        ) from error
    if not answer["ok"]:
        raise BoardError(f"board {board.id}: {answer['message']}", hint=answer["hint"])


@contextlib.contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """`folder` under a name that fits the address of a Unix socket."""
    if not Path("/proc/self/fd").is_dir():  # not Linux: the path has to be short by itself
        yield str(folder)
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def start_server(board: Board) -> dict[str, Any]:
    """Start the board in a process of its own, and return where it listens."""
    running = board.server()
    if running is not None:
        return running
    if board.target.board == "qemu":
        from edgeprune.device.emulator.qemu import find_qemu

        find_qemu()
    register(board)
    log = board.folder / "server.log"
    command = [sys.executable, "-m", "edgeprune.device.emulator.server", str(board.folder), board.target.name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([_package_root(), *_python_path()])}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline and child.poll() is None:
        running = board.server()
        if running is not None and running["pid"] == child.pid:  # not what a killed one left
            return running
        time.sleep(0.02)
    words = log.read_text("utf-8", errors="replace").strip()[-500:]
    raise BoardError(f"board {board.id} did not start: {words or 'no reason given'}")


def stop_server(board: Board) -> None:
    """Stop the running board, and wait until it is gone."""
    if board.server() is None:
        raise NotFoundError(f"board {board.id} is not running", hint="edgeprune boards list")
    control(board, "stop")
    deadline = time.monotonic() + START_WAIT_S
    while is_locked(board.folder / "server.lock") and time.monotonic() < deadline:
        time.sleep(0.02)


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
