"""Lines: the runner in Python answers what the one in C answers, whatever arrives."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner.releases import StdioRunner
from support.firmware import tiny_firmware

from edgeprune.device import wire
from edgeprune.device.emulator.unicorn_board import UnicornBoard
from edgeprune.device.target import find_target
from edgeprune.runner.linux import protocol
from edgeprune.runner.linux.protocol import LINE_BYTES, LineReader, Refusal, open_frame, read_request


def sealed(body: bytes) -> bytes:
    """`body` as a line with its CRC-32."""
    return body + b" *%08x\n" % zlib.crc32(body)


def answers(line: bytes) -> list[tuple[int, str]]:
    """Number and code of each nak to `line`, or the name of the command that is accepted."""
    found = []
    for text in LineReader().feed(line):
        sequence = 0
        try:
            frame = open_frame(text)
            sequence = frame.sequence
            found.append((sequence, read_request(frame).name))
        except Refusal as refusal:
            found.append((sequence, refusal.code))
    return found


LINES = {
    "not a request": b"hello\n",
    "our own reply": sealed(b"<0001 reset"),
    "wrong CRC-32": b">0001 flash *00000000\n",
    "CRC-32 in capitals": (lambda line: line[:-9] + line[-9:].upper())(sealed(b">0001 flash")),
    "number in capitals": sealed(b">00AB flash"),
    "short number": sealed(b">01 flash"),
    "no name": sealed(b">0001 "),
    "only the frame": sealed(b">0001"),
    "unknown command": sealed(b">0002 dance"),
    "unknown command with fields": sealed(b">0002 dance a=1"),
    "a command's beginning": sealed(b">0003 res"),
    "a command and more": sealed(b">0003 resets"),
    "field missing": sealed(b">0004 input"),
    "field too many": sealed(b">0005 flash index=1"),
    "field twice": sealed(b">0006 input index=1 index=1"),
    "field misnamed": sealed(b">0007 input number=1"),
    "fields in another order": sealed(b">0008 run crc=1 token=1 measure=0"),
    "number too long": sealed(b">0009 input index=123456789"),
    "number in capitals in a field": sealed(b">000a input index=A"),
    "empty number": sealed(b">000b input index="),
    "odd hex": sealed(b">000c load input=0 offset=0 data=123"),
    "no hex": sealed(b">000d load input=0 offset=0 data=xy"),
    "two spaces": sealed(b">000e input  index=1"),
    "space at the end": sealed(b">000f flash "),
    "carriage return": sealed(b">0010 flash")[:-1] + b"\r\n",
    "empty": b"\n\r\n",
    "zero byte": sealed(b">0011 fla\0sh"),
    "two lines": b"x\n" + sealed(b">0012 flash"),
    "bad index": sealed(b">0013 input index=ff"),
    "bad token": sealed(b">0014 layer token=1 index=0"),
}


@pytest.fixture(scope="module")
def microcontroller() -> UnicornBoard:
    return UnicornBoard(find_target("virtual-m4"), tiny_firmware("virtual-m4").image)


@pytest.fixture(scope="module")
def twin(tiny_release: Path) -> Iterator[StdioRunner]:
    runner = StdioRunner(tiny_release)
    yield runner
    runner.close()


def heard(board: UnicornBoard | StdioRunner, line: bytes) -> list[tuple[str, int, str]]:
    """Mark, number, and name or code of the answers to `line`, up to that of a request behind it."""
    board.write(line + wire.request(0xFFFF, "output", index=0xFFFF))
    data, found = b"", []
    while True:
        data += board.read(10)
        *lines, data = data.split(b"\n")
        for each in lines:
            said = wire.parse(each)
            if said.sequence == 0xFFFF:
                return found
            found.append((said.mark, said.sequence, said.word("code") if said.mark == "!" else said.name))


@pytest.mark.parametrize("kind", LINES)
def test_the_runner_answers_what_the_microcontroller_answers(
    kind: str, microcontroller: UnicornBoard, twin: StdioRunner
) -> None:
    wanted = heard(microcontroller, LINES[kind])
    assert heard(twin, LINES[kind]) == wanted
    assert bool(wanted) == (kind != "empty")


def test_lines_longer_than_the_buffer_are_told_and_the_next_is_read() -> None:
    longest = sealed(b">0001 flash".ljust(LINE_BYTES - 10, b"x"))
    assert len(longest) == LINE_BYTES + 1
    assert answers(longest) == [(1, "bad_command")]
    assert answers(b"x" + longest + sealed(b">0002 flash")) == [(0, "too_long"), (2, "flash")]


def test_the_longest_request_fits() -> None:
    most = wire.request(0xFFFF, "load", input=2**32 - 1, offset=2**32 - 1, data=bytes(wire.LINUX_CHUNK_BYTES))
    assert len(most) <= LINE_BYTES
    assert answers(most) == [(0xFFFF, "load")]


@pytest.mark.parametrize("seed", range(20))
def test_how_the_bytes_arrive_does_not_matter(seed: int) -> None:
    draw = random.Random(seed)
    stream = b"".join(draw.choice([*LINES.values(), b"y" * 3000, b"z"]) for _ in range(20))
    whole = list(LineReader().feed(stream))
    reader, pieces, at = LineReader(), [], 0
    while at < len(stream):
        end = at + draw.choice([1, 2, 7, 500, 2500])
        pieces += reader.feed(stream[at:end])
        at = end
    assert pieces == whole
    assert None in whole or b"y" * 3000 not in stream


def test_a_refusal_names_a_nak_that_there_is() -> None:
    with pytest.raises(Exception, match="unknown nak"):
        protocol.Refusal("tired")
    assert protocol.Refusal("busy", 1 << 40).detail == 0xFFFF_FFFF
