"""`monitor`: watch a board's serial line, and ask it things."""

import select
import sys
import time

import click

from edgeprune.cli.board_options import place_options
from edgeprune.cli.output import Output, common_options, say
from edgeprune.device import wire
from edgeprune.device.board import Access, find_board, hold
from edgeprune.device.target import find_target
from edgeprune.device.wire import WireError
from edgeprune.errors import BoardError

POLL_S = 0.1


@click.command()
@place_options
@click.option("--target", metavar="TARGET", help="The target's default board, or what is on --port.")
@click.option("--seconds", type=click.FloatRange(0), help="Stop after so long; else at Ctrl-C.")
@common_options
def command(
    board_id: str | None,
    port: str | None,
    access: Access,
    target: str | None,
    seconds: float | None,
    out: Output,
    seed: int,
) -> None:
    """Print every line that the board says, and whether it is whole.

    A line typed here is sent as a request, number and CRC added: `identify nonce=1`, `memory`, `reset`.
    """
    if port is not None and target is None:
        target = "host"  # only names the port's lock; nothing is assumed about what is there
    board = find_board(find_target(target) if target else None, board_id, port, access)
    deadline = time.monotonic() + seconds if seconds is not None else float("inf")
    heard = damaged = sequence = 0
    asks = sys.stdin is not None  # None: closed
    buffer = b""
    with hold(board):
        link = board.open_link()
        try:
            while time.monotonic() < deadline:
                if asks and select.select([sys.stdin], [], [], 0)[0]:
                    typed = sys.stdin.readline()
                    asks = bool(typed)
                    if typed.strip():
                        sequence += 1
                        link.write(frame(sequence, typed.strip()))
                data = link.read(POLL_S)
                if not data:
                    if not asks and seconds is None:
                        break
                    time.sleep(POLL_S / 10)
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    verdict = judge(line)
                    heard, damaged = heard + 1, damaged + (verdict != "")
                    if not out.as_json:
                        say(f"{line.decode('ascii', 'backslashreplace')}{verdict}")
        except (KeyboardInterrupt, BoardError) as error:
            if isinstance(error, BoardError):
                raise
        finally:
            link.close()
    out.emit({"board": board.id, "lines": heard, "damaged": damaged}, "")


def frame(sequence: int, text: str) -> bytes:
    """A typed request with its number and CRC-32."""
    import zlib

    body = f">{sequence:04x} {text}".encode()
    return body + b" *%08x\n" % zlib.crc32(body)


def judge(line: bytes) -> str:
    """Empty for a whole line, else what is wrong with it."""
    try:
        wire.parse(line)
    except WireError as error:
        return f"   <-- {error}"
    return ""
