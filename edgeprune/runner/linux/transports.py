"""Ways in: standard input and output, a serial device, a TCP port, and a Unix socket for `attach`.

All are read and written without ever waiting for the other side, so that one that hangs holds up nobody.
"""

import contextlib
import errno
import ipaddress
import logging
import os
import select
import socket
import termios
import tty
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgeprune.errors import NotFoundError, UsageError

log = logging.getLogger("edgeprune")

READ_BYTES = 4096
WRITE_BYTES = 512
"""A pipe that can be written to takes at least so many bytes at once (POSIX: PIPE_BUF)."""
DEFAULT_BAUD = 115200
BACKLOG = 8


class Gone(Exception):
    """The other side has left."""


class Transport(Protocol):
    """Bytes to and from one caller."""

    name: str
    reads: int
    """The file to wait for before reading."""
    writes: int
    """The file to wait for before writing."""

    def receive(self) -> bytes:
        """What has arrived; Gone at the end."""

    def send(self, data: bytes) -> int:
        """Send the first bytes of `data`, and tell how many; Gone where nobody listens."""

    def close(self) -> None:
        """Give the line back."""


@dataclass(frozen=True)
class Address:
    """Where to listen: `kind` is tcp or serial, `place` host or device, `number` port or baud rate."""

    kind: str
    place: str
    number: int

    def __str__(self) -> str:
        if self.kind == "serial":
            return f"serial:{self.place}" + ("" if self.number == DEFAULT_BAUD else f":{self.number}")
        return f"tcp:[{self.place}]:{self.number}" if ":" in self.place else f"tcp:{self.place}:{self.number}"

    @property
    def is_open_to_a_network(self) -> bool:
        """Whether others than this device can reach it."""
        if self.kind != "tcp" or self.place == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.place).is_loopback
        except ValueError:
            return True

    @staticmethod
    def parse(text: str) -> "Address":
        """Read `tcp:HOST:PORT`, `serial:DEVICE` or `serial:DEVICE:BAUD`; UsageError says what is wrong."""
        kind, _, rest = text.partition(":")
        place, _, number = rest.rpartition(":")
        if kind == "serial" and (not place or not number.isdecimal()):
            place, number = rest, str(DEFAULT_BAUD)
        place = place[1:-1] if place.startswith("[") and place.endswith("]") else place
        if kind not in ("tcp", "serial") or not place or not number.isdecimal():
            raise UsageError(
                f"cannot listen on {text!r}",
                hint="tcp:127.0.0.1:7311, serial:/dev/serial0 or serial:/dev/ttyUSB0:115200",
            )
        if kind == "tcp" and int(number) > 65535:
            raise UsageError(f"cannot listen on {text!r}", hint="a port is at most 65535")
        return Address(kind, place, int(number))


class Stdio:
    """Standard input and output; what anyone else prints goes to standard error instead."""

    name = "stdio"

    def __init__(self) -> None:
        self.reads = 0
        self.writes = os.dup(1)
        os.dup2(2, 1)

    def receive(self) -> bytes:
        """What has arrived."""
        data = os.read(self.reads, READ_BYTES)
        if not data:
            raise Gone
        return data

    def send(self, data: bytes) -> int:
        """As much as does not block."""
        try:
            return os.write(self.writes, data[:WRITE_BYTES])
        except BrokenPipeError as error:
            raise Gone from error

    def close(self) -> None:
        """Put standard output back, for whoever comes after an exec."""
        os.dup2(self.writes, 1)
        os.close(self.writes)


class Serial:
    """A serial device, set up by pyserial."""

    def __init__(self, address: Address) -> None:
        """NotFoundError where it cannot be opened now."""
        self.name = str(address)
        try:
            import serial

            self._serial: Any = serial.Serial(address.place, address.number, timeout=0, write_timeout=0)
        except (OSError, ValueError, ImportError) as error:  # SerialException is an OSError
            raise NotFoundError(f"cannot open {address.place}: {error}") from error
        self.reads = self.writes = self._serial.fileno()

    def receive(self) -> bytes:
        """What has arrived."""
        return _receive(lambda: os.read(self.reads, READ_BYTES))

    def send(self, data: bytes) -> int:
        """As much as the driver takes."""
        return _send(lambda: os.write(self.writes, data))

    def close(self) -> None:
        """Close the device."""
        with contextlib.suppress(OSError, termios.error):
            self._serial.close()


class Stream:
    """A connection, TCP or Unix."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.name = name
        self._socket = connection
        connection.setblocking(False)
        self.reads = self.writes = connection.fileno()
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
            )  # who was cut off goes in the end

    def receive(self) -> bytes:
        """What has arrived."""
        return _receive(lambda: self._socket.recv(READ_BYTES))

    def send(self, data: bytes) -> int:
        """As much as the kernel takes."""
        return _send(lambda: self._socket.send(data))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def keep(self) -> int:
        """Let the connection live on over an exec; its file."""
        self._socket.set_inheritable(True)
        return self.reads


def _receive(read: Any) -> bytes:
    try:
        data: bytes = read()
    except (BlockingIOError, InterruptedError):
        return b""
    except OSError as error:
        raise Gone from error
    if not data:
        raise Gone
    return data


def _send(write: Any) -> int:
    try:
        return int(write())
    except (BlockingIOError, InterruptedError):
        return 0
    except OSError as error:
        raise Gone from error


def listen_tcp(address: Address) -> socket.socket:
    """A socket that listens; NotFoundError where the address is in use or not this device's."""
    family = socket.AF_INET6 if ":" in address.place else socket.AF_INET
    try:
        listener = socket.create_server((address.place, address.number), family=family, backlog=BACKLOG)
    except OSError as error:
        raise NotFoundError(
            f"cannot listen on {address}: {error.strerror or error}", hint=_hint(error)
        ) from error
    listener.setblocking(False)
    return listener


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is another runner there? choose another port"
    return "choose an address that this device has"


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """`path` under a name that fits the address of a Unix socket (108 bytes)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen_unix(path: Path) -> socket.socket:
    """A socket at `path` that listens, for this user alone."""
    listener = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        with short_path(path) as short:
            listener.bind(short)
    finally:
        os.umask(mask)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def raw(file: int) -> Iterator[None]:
    """Let a terminal pass every byte as it is; nothing happens where `file` is none."""
    if not os.isatty(file):
        yield
        return
    before = termios.tcgetattr(file)
    tty.setraw(file, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def wait_for(files: Sequence[int]) -> list[int]:
    """Those of `files` that can be read, or whose other side has left."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll()]
