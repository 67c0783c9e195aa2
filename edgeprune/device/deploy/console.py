"""A Shell on a device's serial console alone, for one that has no network: slow, and made for bad lines.

Commands and files go in checked pieces, each sent again until it is right; a piece that does not get through
is followed by smaller ones. The line to the runner is the console itself, which its
`attach` bridges.
"""

import base64
import contextlib
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from edgeprune.device.deploy.console_agent import QUIT, TRIES, Agent
from edgeprune.device.deploy.console_login import ConsoleLogin
from edgeprune.device.deploy.passwords import Ask
from edgeprune.device.deploy.shell import (
    Finished,
    Progress,
    find_health,
    finish_upload,
    home_prefix,
    size_on_device,
    write_error,
)
from edgeprune.device.link import Link, SerialLink
from edgeprune.errors import BoardError

BAUD = 115200
MOST_BYTES = 1536
LEAST_BYTES = 24
CLEAN_PIECES = 8
"""After so many clean pieces in a row, larger ones are tried again."""
POLL_S = (0.05, 1.0)
"""How often a command is asked whether it has ended: from the first, twice as seldom each time."""
END_S = 5.0


class ConsoleShell:
    """Logged in as `user` on the console at the other end of `link`, until it is closed."""

    keeps_service = True

    def __init__(
        self,
        link: Link,
        user: str,
        *,
        name: str,
        ask_password: Ask | None = None,
        prefix: str | None = None,
        baud: int = BAUD,
    ) -> None:
        self.name = name
        self._link = link
        self._prefix = prefix
        self._piece_bytes = MOST_BYTES
        self._clean = 0
        self._commands = 0
        self._login = ConsoleLogin(link, name, user, ask_password)
        try:
            self._login.reach_shell()
            self._agent = Agent(link, name, baud)
        except BaseException:
            link.close()
            raise

    @staticmethod
    def open(
        port: str, user: str, *, ask_password: Ask | None = None, prefix: str | None = None, baud: int = BAUD
    ) -> "ConsoleShell":
        """The console at a serial port of this machine."""
        link = SerialLink(port, baud)
        return ConsoleShell(link, user, name=port, ask_password=ask_password, prefix=prefix, baud=baud)

    @property
    def prefix(self) -> str:
        """Where releases are installed."""
        if self._prefix is None:
            self._prefix = home_prefix(self)
        return self._prefix

    def run(self, command: str, *, timeout_s: float = 60, stdin: bytes = b"") -> Finished:
        """Run `command` in sh; it is started once, however often its line has to be sent."""
        name = self._script(command)
        if stdin:
            self._write(f"{name}.in", stdin, 0, lambda done: None)
        self._agent.ask("run", name)
        deadline = time.monotonic() + timeout_s
        pause = POLL_S[0]
        while (words := self._agent.ask("status", name))[0] == "running":
            if time.monotonic() > deadline:
                raise BoardError(f"{self.name}: not done after {timeout_s:g} s: {command[:80]}")
            time.sleep(pause)
            pause = min(2 * pause, POLL_S[1])
        status, out_bytes, err_bytes = map(int, words[1:])
        out, err = self._read(f"{name}.out", out_bytes), self._read(f"{name}.err", err_bytes)
        self._agent.ask("forget", name)
        return Finished(status, out.decode(errors="replace"), err.decode(errors="replace"))

    def put(self, source: Path, path: str, progress: Progress) -> None:
        """Upload in checked pieces."""
        size = source.stat().st_size
        done = size_on_device(self, source, path)
        if not done:
            self.run(f": >{shlex.quote(path)}.part")
        progress(done, size)
        data = source.read_bytes()
        try:
            self._write(f"{path}.part", data[done:], done, lambda there: progress(there, size))
        except _Refused as error:
            raise write_error(self, path, size, str(error)) from error
        finish_upload(self, source, path)

    def line(self) -> Link:
        """Bridge the console to the runner; nothing else can be asked until it is closed."""
        find_health(self)
        prefix = shlex.quote(self.prefix)
        name = self._script(f"exec sh {prefix}/current/start.sh attach --state {prefix}/state")
        request = self._agent.request("attach", name)
        if self._agent.try_once(request) != ["ok"]:
            self.end_bridge(request[0])
            raise BoardError(f"{self.name}: the bridge to the runner did not start", hint="try again")
        return BridgedLink(self, self._link, request[0])

    def close(self) -> None:
        """End the agent, log out where we had logged in, and give the port back."""
        with contextlib.suppress(BoardError):
            self._link.write(QUIT)
            self._drain(END_S)
            if self._login.has_logged_in:
                self._link.write(b"exit\r")
                self._drain(END_S)
        self._link.close()

    # --- pieces

    def _script(self, command: str) -> str:
        """Put `command` into a file of the agent's own; its name."""
        self._commands += 1
        name = f"c{self._commands}"
        self._write(f"{name}.sh", f"{command}\n".encode(), 0, lambda done: None)
        return name

    def _write(self, path: str, data: bytes, offset: int, on_bytes: Callable[[int], None]) -> None:
        """Write `data` at `offset` of a file; _Refused where the device's file system says no."""
        self._agent.ask("file", base64.b64encode(path.encode()).decode())
        at = 0
        failed = 0
        while at < len(data):
            piece = data[at : at + self._piece_bytes]
            request = self._agent.request("write", str(offset + at), base64.b64encode(piece).decode())
            answer = self._agent.try_once(request)
            if answer is None:
                failed += 1
                if failed >= TRIES:
                    self._agent.ask("file", base64.b64encode(path.encode()).decode())  # says what is wrong
                    raise BoardError(
                        f"{self.name}: no piece of {path} gets through", hint="look at the cable"
                    )
                self._piece_bytes, self._clean = max(LEAST_BYTES, self._piece_bytes // 2), 0
                continue
            if answer[0] == "failed":
                raise _Refused(base64.b64decode("".join(answer[1:])).decode(errors="replace").strip())
            failed = 0
            at += len(piece)
            on_bytes(offset + at)
            self._count_clean_piece()

    def _count_clean_piece(self) -> None:
        self._clean += 1
        if self._clean >= CLEAN_PIECES:
            self._piece_bytes, self._clean = min(MOST_BYTES, 2 * self._piece_bytes), 0

    def _read(self, file: str, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            wanted = min(self._piece_bytes, count - len(data))
            answer = self._agent.try_once(self._agent.request("read", file, str(len(data)), str(wanted)))
            if answer is None:
                self._piece_bytes, self._clean = max(LEAST_BYTES, self._piece_bytes // 2), 0
                answer = self._agent.ask("read", file, str(len(data)), str(min(wanted, self._piece_bytes)))
            data += base64.b64decode(answer[1])
            self._count_clean_piece()
        return bytes(data)

    def end_bridge(self, number: int) -> None:
        """Back from the bridge of request `number`."""
        self._agent.end_bridge(number)

    def _drain(self, seconds: float) -> None:
        """Hear what is said, until it is quiet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._link.read(0.3):
            pass


class _Refused(Exception):
    """The device's file system said no."""


class BridgedLink:
    """A Link to the runner through the console; closing it leads back to the agent."""

    def __init__(self, shell: ConsoleShell, link: Link, number: int) -> None:
        self._shell = shell
        self._link = link
        self._number = number

    def write(self, data: bytes) -> None:
        """Send `data`."""
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """What has arrived."""
        return self._link.read(timeout_s)

    def reset(self) -> None:
        """A console cannot."""

    def close(self) -> None:
        """End the bridge; the console stays open."""
        self._shell.end_bridge(self._number)
