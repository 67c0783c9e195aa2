"""A Shell over SSH: commands in channels, files by SFTP, and the runner's line through a tunnel."""

import contextlib
import select
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeprune.device.deploy.address import Address
from edgeprune.device.deploy.passwords import Ask
from edgeprune.device.deploy.shell import (
    Finished,
    Progress,
    finish_upload,
    home_prefix,
    runner_port,
    size_on_device,
    write_error,
)
from edgeprune.device.deploy.ssh_login import Login, connect, find_destination, load_paramiko
from edgeprune.device.link import Link
from edgeprune.errors import BoardError

CHUNK_BYTES = 32768
ANSWER_TIMEOUT_S = 60.0
TUNNEL_TIMEOUT_S = 10.0


class SshShell:
    """Logged in to `address` for as long as it is open.

    Raises NotFoundError where the host is not to be reached or not to be trusted, UsageError where it does
    not let us in.
    """

    keeps_service = True

    def __init__(
        self,
        address: Address,
        *,
        identity: Path | None = None,
        accepts_new_host: bool = False,
        ask_password: Ask | None = None,
        prefix: str | None = None,
    ) -> None:
        self._paramiko = load_paramiko()
        self._errors = (self._paramiko.SSHException, EOFError, OSError)
        destination = find_destination(self._paramiko, address, identity)
        self.name = str(destination)
        self._transports = connect(
            self._paramiko, destination, Login(identity, accepts_new_host, ask_password)
        )
        self._sftp: Any = None
        self._prefix = prefix

    @property
    def prefix(self) -> str:
        """Where releases are installed."""
        if self._prefix is None:
            self._prefix = home_prefix(self)
        return self._prefix

    def run(self, command: str, *, timeout_s: float = 60, stdin: bytes = b"") -> Finished:
        """Run `command` in a channel of its own."""
        with self._line_errors():
            channel = self._transport.open_session(timeout=ANSWER_TIMEOUT_S)
            with contextlib.closing(channel):
                channel.settimeout(timeout_s)
                channel.exec_command(f"exec sh -c {shlex.quote(command)}")
                channel.sendall(stdin)
                channel.shutdown_write()
                out, err = self._hear(channel, time.monotonic() + timeout_s, command)
                status = channel.recv_exit_status()
            if not self._transport.is_active():
                raise EOFError
        return Finished(status, out.decode(errors="replace"), err.decode(errors="replace"))

    def put(self, source: Path, path: str, progress: Progress) -> None:
        """Upload by SFTP."""
        size = source.stat().st_size
        done = size_on_device(self, source, path)
        progress(done, size)
        try:
            with self._line_errors(), source.open("rb") as data:
                sftp = self._open_sftp()
                with sftp.open(f"{path}.part", "r+" if done else "w") as file:
                    file.seek(done)
                    data.seek(done)
                    while piece := data.read(CHUNK_BYTES):  # one by one: pipelined, paramiko drops errors
                        file.write(piece)
                        done += len(piece)
                        progress(done, size)
        except _Refused as error:
            raise write_error(self, path, size, str(error)) from error
        finish_upload(self, source, path)

    def line(self) -> Link:
        """A tunnel to the runner's port on the device's loopback."""
        place = ("127.0.0.1", runner_port(self))
        try:
            channel = self._transport.open_channel(
                "direct-tcpip", place, ("127.0.0.1", 0), timeout=TUNNEL_TIMEOUT_S
            )
        except self._errors as error:
            raise BoardError(
                f"{self.name} opens no tunnel to its port {place[1]}: {error}",
                hint="does its sshd have AllowTcpForwarding no, or did the runner just end?",
            ) from error
        return ChannelLink(channel, self.name, self._errors)

    def close(self) -> None:
        """Hang up."""
        for transport in reversed(self._transports):
            with contextlib.suppress(*self._errors):
                transport.close()

    @property
    def _transport(self) -> Any:
        return self._transports[-1]

    def _hear(self, channel: Any, deadline: float, command: str) -> tuple[bytes, bytes]:
        """All that comes on standard output and error until both end."""
        out, err = bytearray(), bytearray()
        waits_for = channel.fileno()  # readable when anything has come on either, or the end
        while True:
            has_ended = channel.eof_received or channel.closed  # asked before what has come is taken
            while channel.recv_ready():
                out += channel.recv(65536)
            while channel.recv_stderr_ready():
                err += channel.recv_stderr(65536)
            if has_ended and channel.status_event.wait(0.2):
                return bytes(out), bytes(err)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise BoardError(f"{self.name}: not done after its time: {command[:80]}", hint="is it busy?")
            if not has_ended:
                select.select([waits_for], [], [], min(left_s, 0.5))

    def _open_sftp(self) -> Any:
        if self._sftp is None:
            try:
                self._sftp = self._transport.open_sftp_client()
            except self._paramiko.ChannelException as error:
                raise BoardError(
                    f"{self.name} has no SFTP", hint="its sshd needs the line: Subsystem sftp internal-sftp"
                ) from error
            self._sftp.get_channel().settimeout(ANSWER_TIMEOUT_S)
        return self._sftp

    @contextlib.contextmanager
    def _line_errors(self) -> Iterator[None]:
        """Errors of the line as BoardError, those of the device's file system as _Refused."""
        try:
            yield
        except self._errors as error:
            is_line = not self._transport.is_active() or str(error) == "Socket is closed"
            if isinstance(error, OSError) and not isinstance(error, TimeoutError) and not is_line:
                raise _Refused(error.strerror or str(error)) from error
            raise BoardError(
                f"the line to {self.name} broke: {error or 'it hung up'}",
                hint="try again: what is there already is not sent twice, and what ran goes on",
            ) from error


class _Refused(Exception):
    """The device's file system said no."""


class ChannelLink:
    """A Link through an SSH tunnel."""

    def __init__(self, channel: Any, name: str, errors: tuple[type[Exception], ...]) -> None:
        self._channel = channel
        self._name = name
        self._errors = errors

    def write(self, data: bytes) -> None:
        """Send `data`."""
        try:
            self._channel.settimeout(ANSWER_TIMEOUT_S)
            self._channel.sendall(data)
        except self._errors as error:
            raise self._dead(str(error)) from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived."""
        self._channel.settimeout(max(timeout_s, 0.001))
        try:
            data = bytes(self._channel.recv(65536))
        except TimeoutError:
            return b""
        except self._errors as error:
            raise self._dead(str(error)) from error
        if not data:
            raise self._dead("its other end was closed")
        return data

    def reset(self) -> None:
        """A tunnel cannot."""

    def close(self) -> None:
        """Close the tunnel."""
        with contextlib.suppress(*self._errors):
            self._channel.close()

    def _dead(self, reason: str) -> BoardError:
        return BoardError(f"the line to the runner on {self._name} broke: {reason}", hint="try again")
