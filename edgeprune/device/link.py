"""Ways to carry bytes to a board and back; a Session does not care which.

A Link may be wrapped: `Damaged` spoils bytes on purpose (tests, acceptance), `Recorded` writes all that
passes to a file, and `Replayed` plays such a file back in place of the board.
"""

import contextlib
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from edgeprune.errors import BoardError, NotFoundError, UsageError

LOG_HEAD = "# edgeprune session 1, id "
_LOG_HEAD = re.compile(rf"{LOG_HEAD}[0-9a-f]{{1,8}}")


class Link(Protocol):
    """Bytes to a board and back."""

    def write(self, data: bytes) -> None:
        """Send `data`; BoardError where the line is dead."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, at least a byte unless nothing comes in `timeout_s`."""

    def reset(self) -> None:
        """Reset the board without asking its firmware, where this line can do that."""

    def close(self) -> None:
        """Give the line back."""


class SerialLink:
    """A serial port, a pty, or a `socket://host:port` URL, through pyserial."""

    def __init__(self, port: str, baud: int = 115200) -> None:
        import serial

        self._port = port
        self._errors = (serial.SerialException, OSError)
        try:
            self._serial: Any = serial.serial_for_url(port, baudrate=baud, timeout=0)
        except PermissionError as error:
            raise NotFoundError(f"no permission for {port}", hint="sudo usermod -aG dialout $USER") from error
        except (ValueError, *self._errors) as error:
            hint = "list the boards: edgeprune boards list"
            if "Permission" in str(error):
                hint = "sudo usermod -aG dialout $USER, then log in again"
            raise NotFoundError(f"cannot open {port}: {error}", hint=hint) from error

    def write(self, data: bytes) -> None:
        """Send `data`."""
        try:
            self._serial.write(data)
        except self._errors as error:
            raise self._dead(error) from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived."""
        try:
            self._serial.timeout = timeout_s
            first = bytes(self._serial.read(1))
            if not first:
                return b""
            self._serial.timeout = 0
            return first + bytes(self._serial.read(4096))
        except self._errors as error:
            raise self._dead(error) from error

    def reset(self) -> None:
        """A plain serial line cannot."""

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(*self._errors):
            self._serial.close()

    def _dead(self, error: Exception) -> BoardError:
        return BoardError(f"the line to {self._port} broke: {error}", hint="plug the board in again")


@dataclass(frozen=True)
class Injection:
    """Faults made on purpose: a share of bytes damaged, and silence after some bytes from the board."""

    noise: float = 0.0
    seed: int = 0
    silence_after: int | None = None

    @staticmethod
    def parse(text: str) -> "Injection":
        """Read `noise=0.01,seed=1,silence-after=200`; UsageError names what is wrong."""
        kinds: dict[str, type] = {"noise": float, "seed": int, "silence-after": int}
        values: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            try:
                values[name.replace("-", "_")] = kinds[name](value)
            except (KeyError, ValueError):
                raise UsageError(
                    f"cannot inject {part!r}", hint="noise=0.01,seed=1,silence-after=200"
                ) from None
        made = Injection(**values)
        if not 0 <= made.noise <= 1 or (made.silence_after or 0) < 0:
            raise UsageError(
                f"cannot inject {text!r}",
                hint="noise is a share from 0 to 1, silence-after a number of bytes",
            )
        return made


class Damaged:
    """A Link that damages bytes in both directions, or goes silent: for tests."""

    def __init__(self, link: Link, injection: Injection) -> None:
        self._link = link
        self._injection = injection
        self._random = random.Random(injection.seed)
        self._left = injection.silence_after

    def write(self, data: bytes) -> None:
        """Send `data` with some bytes damaged."""
        self._link.write(self._spoil(data))

    def read(self, timeout_s: float) -> bytes:
        """What arrives, damaged, or nothing once silent."""
        data = self._spoil(self._link.read(timeout_s))
        if self._left is not None:
            data, self._left = data[: self._left], max(0, self._left - len(data))
        return data

    def reset(self) -> None:
        """Reset the board."""
        self._link.reset()

    def close(self) -> None:
        """Close the line."""
        self._link.close()

    def _spoil(self, data: bytes) -> bytes:
        noise = self._injection.noise
        if not noise:
            return data
        draw = self._random
        return bytes(b ^ draw.randrange(1, 256) if draw.random() < noise else b for b in data)


class Recorded:
    """A Link that writes all that passes to a text file: seconds, direction, bytes."""

    def __init__(self, link: Link, path: Path, session_id: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._link = link
        self._file: IO[str] = path.open("w", encoding="ascii")
        self._file.write(f"{LOG_HEAD}{session_id:08x}\n")
        self._start = time.monotonic()

    def write(self, data: bytes) -> None:
        """Send and record `data`."""
        self._note(">", data)
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """What arrives, recorded."""
        data = self._link.read(timeout_s)
        if data:
            self._note("<", data)
        return data

    def reset(self) -> None:
        """Reset the board."""
        self._link.reset()

    def close(self) -> None:
        """Close the line and the file."""
        self._file.close()
        self._link.close()

    def _note(self, direction: str, data: bytes) -> None:
        text = data.decode("latin-1").encode("unicode_escape").decode("ascii")
        self._file.write(f"{time.monotonic() - self._start:.6f} {direction} {text}\n")
        self._file.flush()


@dataclass(frozen=True)
class Event:
    """One line of a recorded session: `direction` is `>` to the board or `<` from it."""

    seconds: float
    direction: str
    data: bytes


def read_log(path: Path) -> tuple[int, list[Event]]:
    """The id and the events of a recorded session; UsageError where the file is not one."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not lines or not _LOG_HEAD.fullmatch(lines[0]):
        raise UsageError(f"{path} is not a recorded session", hint="record one: profile BUNDLE --record FILE")
    events = []
    for number, line in enumerate(lines[1:], 2):
        try:
            seconds, direction, text = line.split(" ", 2)
            data = text.encode("ascii").decode("unicode_escape").encode("latin-1")
            events.append(Event(float(seconds), direction, data))
        except (ValueError, UnicodeError) as error:
            raise UsageError(f"{path}:{number}: not a line of a session ({error})") from error
        if direction not in "<>":
            raise UsageError(f"{path}:{number}: direction is {direction!r}, not '<' or '>'")
    return int(lines[0][len(LOG_HEAD) :], 16), events


class Replayed:
    """A recorded session in place of a board: each request must be the recorded one."""

    def __init__(self, events: list[Event]) -> None:
        self._events = list(events)
        self._at = 0

    def write(self, data: bytes) -> None:
        """Compare with the record; BoardError where the session departs from it."""
        if self._at >= len(self._events):
            raise BoardError("the recorded session ends here, and more was asked")
        event = self._events[self._at]
        if event.direction != ">" or event.data != data:
            raise BoardError(
                f"the session departs from the record at {event.seconds:.6f} s: asked {data!r}, "
                f"recorded {event.direction} {event.data!r}",
                hint="replay with the Bundle and the options of the recording",
            )
        self._at += 1

    def read(self, timeout_s: float) -> bytes:
        """What the board said then."""
        if self._at < len(self._events) and self._events[self._at].direction == "<":
            self._at += 1
            return self._events[self._at - 1].data
        return b""

    def reset(self) -> None:
        """Nothing to reset."""

    def close(self) -> None:
        """Nothing to close."""
