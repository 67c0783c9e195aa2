"""Lines: bytes to requests, answers to bytes; the twin of runner/mcu/ep_line.c and of its dispatch.

Nothing that arrives can do more than be refused: a line is cut at the buffer's length, its CRC-32 is checked
before its name is looked at, and its fields before a handler sees them.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeprune.device import wire
from edgeprune.device.wire import Message, Value, WireError

LINE_BYTES = wire.LINE_BYTES + 2 * (wire.LINUX_CHUNK_BYTES - wire.CHUNK_BYTES)
"""Longest line: as for microcontrollers, with more data in it."""
HEAD_BYTES = 6  # ">0007 "
TAIL_BYTES = 10  # " *5f3c9a01"
_HEX = frozenset(b"0123456789abcdef")


class Refusal(Exception):
    """A request that is not done; `code` is one of wire.NAKS."""

    def __init__(self, code: str, detail: int = 0) -> None:
        super().__init__(code)
        self.code = wire.NAKS[code].name
        self.detail = min(detail, 0xFFFF_FFFF)


class LineReader:
    """Cuts a stream of bytes into lines; what does not fit is dropped, and told."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fits = True

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that `data` ends, without newline; None for one too long, nothing for empty ones."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._add(end)
            line, fits = bytes(self._buffer), self._fits
            self._buffer.clear()
            self._fits = True
            line = line[:-1] if line.endswith(b"\r") else line  # typed in a terminal
            if line:
                yield line if fits else None
        self._add(rest)

    def _add(self, data: bytes) -> None:
        room = LINE_BYTES - len(self._buffer)
        self._buffer += data[:room]
        self._fits = self._fits and len(data) <= room


@dataclass(frozen=True)
class Frame:
    """A line whose CRC-32 is right: its number, and the name of its command."""

    sequence: int
    name: str
    fields: tuple[bytes, ...]
    line: bytes


def open_frame(line: bytes | None) -> Frame:
    """Check mark, number and CRC-32 of a line; Refusal says that it is none of ours."""
    if line is None:
        raise Refusal("too_long")
    body, tail = line[:-TAIL_BYTES], line[-TAIL_BYTES:]
    digits = line[1:5]
    if len(line) <= HEAD_BYTES + TAIL_BYTES or line[:1] != b">" or line[5:6] != b" " or tail[:2] != b" *":
        raise Refusal("bad_line")
    if not _HEX.issuperset(digits) or not _HEX.issuperset(tail[2:]) or zlib.crc32(body) != int(tail[2:], 16):
        raise Refusal("bad_line")
    name, *fields = body[HEAD_BYTES:].split(b" ")
    return Frame(int(digits, 16), name.decode("ascii", "replace"), tuple(fields), line)


def read_request(frame: Frame) -> Message:
    """The request in a frame; Refusal where there is no such command, or a field is wrong."""
    if frame.name not in wire.COMMANDS:
        raise Refusal("bad_command")
    given = [part.partition(b"=")[0].decode("ascii", "replace") for part in frame.fields]
    if given != [field.name for field in wire.COMMANDS[frame.name].request]:
        raise Refusal("bad_field")
    try:
        return wire.parse(frame.line)
    except WireError:
        raise Refusal("bad_field") from None


def reply(request: Message, values: Mapping[str, Value]) -> bytes:
    """The line that answers `request`."""
    return wire.encode(Message("<", request.sequence, request.name, values))


def nak(sequence: int, refusal: Refusal) -> bytes:
    """The line that refuses request `sequence`."""
    values: dict[str, Value] = {"code": refusal.code, "detail": refusal.detail}
    return wire.encode(Message("!", sequence, "nak", values))
