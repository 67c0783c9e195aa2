"""Boards with an operating system: how each is reached, and how a Bundle gets onto it.

    --host pi@raspberrypi.local     SSH; the line is a tunnel to the runner's port on the device
    --port /dev/ttyUSB0             the device's serial console, or a runner that has the line to itself
    --port socket://HOST:PORT       a runner that listens there, with --key-file its shared key
    neither                         a virtual device in the board's folder, or this computer for `linux`

A virtual device has no service: its runner is started for each session, or kept by `boards start`.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import Bundle
from edgeprune.device import wire
from edgeprune.device.board import Board, control, hold, open_session, register
from edgeprune.device.deploy.deploy import Deployed, deploy
from edgeprune.device.deploy.local import LocalShell
from edgeprune.device.deploy.shell import Progress, Shell
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.flash import FlashResult, check_content, check_identity
from edgeprune.device.link import Injection, Link, SerialLink
from edgeprune.device.target import Target
from edgeprune.errors import NotFoundError, UsageError

Ask = Callable[[str], str]
"""Asks the person for a password, by the text of the question."""

CONSOLE_USER = "pi"
ANSWER_WAIT_S = 1.5
# Of this computer's environment the target `linux` sees these, and what pip reads: no PYTHONPATH.
PASSED = ("PATH", "LANG", "TERM", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class LinuxFlash(FlashResult):
    """What is on the device now: a release, the one before, and how much had to be sent."""

    release: str
    previous: str | None
    sent_bytes: int
    skipped_bytes: int


def flash_linux(
    bundle: Bundle,
    board: Board,
    *,
    listen: str | None = None,
    ask_password: Ask | None = None,
    progress: Progress = lambda done, total: None,
    injection: Injection | None = None,
    record: Path | None = None,
) -> LinuxFlash:
    """Install the Bundle's release, and check over the runner's own line that it is there.

    What ran before goes on until the new release has answered, and comes back where it does not.
    """
    with hold(board):
        with opened_shell(board, ask_password) as shell:
            done = deploy(bundle, shell, listen=listen, progress=progress)
        if board.server() is not None:
            control(board, "flash")
        with open_session(board, injection=injection, record=record) as session:
            check_identity(session, bundle)
            found = check_content(session, bundle, board)
    return LinuxFlash(**vars(found), **_told(done))


def _told(done: Deployed) -> dict[str, Any]:
    return {
        "release": done.release,
        "previous": done.previous,
        "sent_bytes": done.sent_bytes,
        "skipped_bytes": done.skipped_bytes,
    }


@contextlib.contextmanager
def opened_shell(board: Board, ask_password: Ask | None = None) -> Iterator[Shell]:
    """A way onto the board; raises what the kinds of Shell raise."""
    shell = _shell(board, ask_password)
    try:
        yield shell
    finally:
        shell.close()


def _shell(board: Board, ask_password: Ask | None) -> Shell:
    access = board.access
    if access.host is not None:
        from edgeprune.device.deploy.address import Address
        from edgeprune.device.deploy.ssh import SshShell

        return SshShell(
            Address.parse(access.host),
            identity=access.identity,
            accepts_new_host=access.accepts_new_host,
            ask_password=ask_password,
        )
    if board.port is not None:
        if "://" in board.port:
            raise UsageError(
                f"nothing can be installed over {board.port}: it is the runner's own line",
                hint="flash with --host, or with --port of a serial console",
            )
        return _console(board, SerialLink(board.port), ask_password)
    return local_shell(board)


def _console(board: Board, link: Link, ask_password: Ask | None) -> Shell:
    from edgeprune.device.deploy.console import ConsoleShell

    user = board.access.user or CONSOLE_USER
    return ConsoleShell(link, user, name=str(board.port), ask_password=ask_password)


def local_shell(board: Board) -> LocalShell:
    """The shell of a virtual device; for the target `linux` this computer's own."""
    register(board)
    home = board.folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment, place = _environment(board.target, board.folder)
    return LocalShell(environment, place, name=board.id, prefix=board.folder / "prefix")


def _environment(target: Target, folder: Path) -> tuple[dict[str, str], Path]:
    """The environment of a device in `folder`, and its home."""
    if target.board == "qemu-user":
        from edgeprune.device.emulator.pi import environment

        made = environment(folder, target)
        return made, Path(made["HOME"])
    if target.board == "process":
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in PASSED or name.startswith("PIP_") or name.lower().endswith("_proxy")
        }
        return kept, folder / "home"
    raise NotFoundError(
        f"there is no virtual {target.name}, and no way onto a real one from here",
        hint="adb push BUNDLE /data/local/tmp/ep; adb shell /data/local/tmp/ep/runner serve --state "
        "/data/local/tmp/ep --listen tcp:127.0.0.1:7311; adb forward tcp:7311 tcp:7311; then profile --port "
        "socket://127.0.0.1:7311",
    )


def start_linux(target: Target, release: Path) -> ChildBoard:
    """Start the runner of a virtual device as a child; `release` is its `current/release.json`."""
    prefix = release.parent.parent
    environment, home = _environment(target, prefix.parent)
    return LocalShell(environment, home, name=target.name, prefix=prefix).line()


def open_line(board: Board) -> Link:
    """A line to the runner of a device that is not ours."""
    access = board.access
    if access.host is not None:
        shell = _shell(board, None)
        return ShellLine(shell, shell.line())
    assert board.port is not None
    if access.key_file is not None or "://" in board.port:
        return _network_line(board.port, access.key_file)
    line = SerialLink(board.port)
    if runner_answers(line):
        return line
    shell = _console(board, line, None)
    return ShellLine(shell, shell.line())


def runner_answers(line: Link) -> bool:
    """Whether a runner has the serial `line` to itself: it refuses what a shell takes as a comment."""
    line.write(b"\n#\n")
    heard, deadline = b"", time.monotonic() + ANSWER_WAIT_S
    while time.monotonic() < deadline:
        heard += line.read(max(0.0, deadline - time.monotonic()))
        for text in heard.split(b"\n")[:-1]:
            with contextlib.suppress(wire.WireError):
                if wire.parse(text).mark == "!":
                    return True
    return False


def _network_line(port: str, key_file: Path | None) -> Link:
    line = SerialLink(port)
    if key_file is not None:
        from edgeprune.runner.linux.key import prove, read_key

        prove(read_key(key_file), line.read, line.write)
    return line


class ShellLine:
    """A Link through a Shell, which is closed with it."""

    def __init__(self, shell: Shell, line: Link) -> None:
        self._shell = shell
        self._line = line

    def write(self, data: bytes) -> None:
        """Send `data`."""
        self._line.write(data)

    def read(self, timeout_s: float) -> bytes:
        """What has arrived."""
        return self._line.read(timeout_s)

    def reset(self) -> None:
        """Reset the runner, where the line can."""
        self._line.reset()

    def close(self) -> None:
        """Close both."""
        with contextlib.suppress(Exception):
            self._line.close()
        self._shell.close()
