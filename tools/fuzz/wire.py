"""Garbage on the serial line: the firmware stays alive, the parser raises WireError, Sessions never lie.

    python -m tools.fuzz.wire --bursts 2000 --sessions 40 --seed 1 [--target linux]

Bursts: random bytes, damaged requests, damaged requests with a right CRC-32, fields that are wrong in
themselves. Each goes through `wire.parse` and, recorded as a session, through `read_log`; then to the
firmware, compiled for this computer with sanitizers (`--target linux`: to the native runner), which must
answer a clean `identify` afterwards and have said only whole lines. Sessions: runs over a line with 0.5 to
5 % of the bytes damaged give the right outputs or a BoardError. A burst's finding is its bytes, a session's
is its seed and noise (when the bytes arrive in other pieces, the noise falls on others).
"""

import json
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeprune.codegen.generate import generate
from edgeprune.device import wire
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.firmware import runner_files
from edgeprune.device.link import LOG_HEAD, Damaged, Injection, read_log
from edgeprune.device.session import Session
from edgeprune.device.target import find_target
from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import MEANING_FLAGS, WARNING_FLAGS, run_tool
from edgeprune.device.wire import Kind, WireError
from edgeprune.errors import BoardError, UsageError
from edgeprune.memory import plan_memory
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import evaluate
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ArithmeticOptions
from tools.fuzz.common import Finding, Tally, parser, random_array, sanitizing_compiler

BURST_LIMIT_S = 30
SESSION_LIMIT_S = 300
ANSWER_S = 1.0
ASKS = 6  # a reset in the burst swallows what is behind it
BURST_BYTES = 4000  # the answers must fit the pipe that nobody reads yet
SHAPE = (1, 10, 30, 1)  # 300 bytes, several chunks
LONGEST = b"x" * (3 * wire.LINUX_CHUNK_BYTES) + b"\n"  # than any line buffer


def network() -> QuantGraph:
    """The network in the firmware: the sum of two images."""
    images = activation(SHAPE, 0.1, 3), activation(SHAPE, 0.07, -20)
    return one_op("ADD", images, activation(SHAPE, 0.15, 5), ArithmeticOptions())


def build(folder: Path, name: str = "host") -> list[str]:
    """The firmware of `network` for the target `name`, with sanitizers; the command that runs it."""
    graph, target = network(), find_target(name)
    generated = generate(graph, plan_memory(graph, PLANNERS["by_size"]), name="sum", model_sha256="0" * 64)
    files = {**generated.files, **runner_files(target)}
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    compiler, flags, _ = sanitizing_compiler()
    sources = sorted(file for file in files if file.endswith(".c"))
    command = (*compiler, *flags, *MEANING_FLAGS, *WARNING_FLAGS, "-I.", *sources, "-o", "firmware")
    run_tool(command, folder, ZIG.environment())
    program = str(folder / "firmware")
    return [program, "serve", "--stdio"] if target.kind == "linux" else [program]


# --- bursts


def sealed(body: bytes) -> bytes:
    """`body` as a line with its CRC-32."""
    return body + b" *%08x\n" % zlib.crc32(body)


def request(rng: random.Random) -> bytes:
    """A request that is right in form; its numbers are often at the ends of things."""
    numbers = [0, 1, 2, 299, 300, 301, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, rng.getrandbits(32)]
    command = rng.choice(wire.MCU_COMMANDS)
    values: dict[str, wire.Value] = {}
    for field in command.request:
        if field.kind is Kind.BYTES:
            values[field.name] = rng.randbytes(rng.randint(1, wire.CHUNK_BYTES))
        elif field.kind is Kind.WORD:
            values[field.name] = rng.choice(["system", "job-00000001", "w" * wire.WORD_BYTES])
        else:
            values[field.name] = rng.choice(numbers if rng.random() < 0.5 else numbers[:2])
    return wire.request(rng.randrange(0x10000), command.name, **values)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with bytes changed, taken out, put in, repeated."""
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(made) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            made[at : at + 1] = bytes(
                [rng.choice(b' =*>0f\r\x00\xff"a') if rng.random() < 0.7 else rng.randrange(256)]
            )
        elif kind == 1:
            del made[at : at + rng.randint(1, 8)]
        elif kind == 2:
            made[at:at] = made[rng.randrange(len(made) + 1) :][: rng.randint(1, 40)]
        else:
            made[at:at] = bytes([rng.choice(b"0f =*az")]) * rng.choice([1, 8, 9, 200, 400])
        made = made or bytearray(b" ")
    return bytes(made)


def resealed(rng: random.Random) -> bytes:
    """A damaged request whose CRC-32 is right: what the fields' parsers see."""
    body = mutated(request(rng).rsplit(b" *", 1)[0], rng)
    return sealed(body.replace(b"\n", b" "))


PIECES: tuple[Callable[[random.Random], bytes], ...] = (
    lambda rng: rng.randbytes(rng.choice([1, 10, 400])),
    request,
    resealed,
    resealed,
    lambda rng: mutated(request(rng), rng),
    lambda rng: request(rng)[: rng.randint(0, 60)],
    lambda rng: rng.choice(
        [b"\n", b"\r\n", b">", b"x" * wire.LINE_BYTES, b"x" * (wire.LINE_BYTES + 1) + b"\n", LONGEST]
    ),
)


def burst(seed: int, number: int) -> bytes:
    """Burst `number` of `seed`."""
    rng = random.Random(f"{seed} {number}")
    return b"".join(rng.choice(PIECES)(rng) for _ in range(rng.choice([1, 3, 10])))[:BURST_BYTES]


def check_parser(data: bytes, folder: Path) -> None:
    """A line is a WireError or a Message, which survives encoding; a log is read or a UsageError."""
    for line in data.split(b"\n"):
        try:
            message = wire.parse(line)
        except WireError:
            continue
        if wire.parse(wire.encode(message).rstrip(b"\n")) != message:
            raise Finding(f"{line!r} is not what its message encodes to")
    log = folder / "garbage.log"
    text = data.decode("latin-1").encode("unicode_escape")
    for content in (data, LOG_HEAD.encode() + data, LOG_HEAD.encode() + b"7\n0.5 > " + text + b"\n" + data):
        log.write_bytes(content)
        try:
            read_log(log)
        except UsageError:
            continue


def check_firmware(data: bytes, board: ChildBoard, nonce: int) -> None:
    """Send `data`, then ask who is there; raises Finding for silence and for lines that are not whole."""
    board.write(data + b"\n")
    for _ in range(ASKS):
        board.write(wire.request(1, "identify", nonce=nonce))
        heard, deadline = b"", time.monotonic() + ANSWER_S
        while (left_s := deadline - time.monotonic()) > 0:
            heard += board.read(left_s)
            *lines, heard = heard.split(b"\n")
            if any(_is_answer(line, nonce) for line in lines):
                return
    raise Finding(f"the firmware did not answer identify in {ASKS * ANSWER_S} s")


def _is_answer(line: bytes, nonce: int) -> bool:
    try:
        message = wire.parse(line)
    except WireError as error:
        raise Finding(f"the firmware said {line!r}: {error}") from error
    if message.mark == ">":
        raise Finding(f"the firmware asks: {line!r}")
    return message.mark == "<" and message.name == "identify" and message.number("nonce") == nonce


class Bursts:
    """A firmware that is started again only after a finding."""

    def __init__(self, command: list[str]) -> None:
        self._folder = Path(command[0]).parent
        self._board = ChildBoard(command)
        self._number = 0

    def run(self, data: bytes) -> str:
        """One burst into parsers and firmware."""
        self._number += 1
        try:
            check_parser(data, self._folder)
            check_firmware(data, self._board, 0x1000_0000 + self._number)
        except BaseException:
            self._board.reset()
            raise
        return "bursts survived"

    def close(self) -> None:
        """End the firmware."""
        self._board.close()


# --- sessions


def session(command: list[str], seed: int, noise: float) -> str:
    """Two runs over a noisy line; raises Finding for a wrong byte."""
    graph = network()
    rng = np.random.default_rng(seed)
    board = ChildBoard(command)
    try:
        talk = Session(Damaged(board, Injection(noise=noise, seed=seed)), seed & 0xFFFFFFFF)
        for measure in (False, True):
            inputs = [random_array(graph.tensors[i], rng) for i in graph.inputs]
            (wanted,) = evaluate(graph, inputs)
            result = talk.run([array.tobytes() for array in inputs], measure=measure)
            if result.outputs != (wanted.tobytes(),):
                raise Finding(f"wrong bytes at noise {noise}")
    except BoardError as error:
        if "status" in error.message:  # the process ended: noise must not do that
            raise
        return "sessions given up with BoardError"
    finally:
        board.close()
    return "sessions right"


def main() -> int:
    """Run bursts and sessions, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("--bursts", type=int, default=500)
    options_of.add_argument("--sessions", type=int, default=10)
    options_of.add_argument("--target", choices=("host", "linux"), default="host")
    options = options_of.parse_args()
    tally = Tally("wire", options)
    with tempfile.TemporaryDirectory(prefix="edgeprune-fuzz-") as folder:
        command = build(Path(folder), options.target)
        bursts = Bursts(command)

        def try_burst(name: str, data: bytes) -> None:
            tally.try_case(name, data, BURST_LIMIT_S, lambda: bursts.run(data))

        def try_session(seed: int, noise: float) -> None:
            data = json.dumps({"seed": seed, "noise": noise}).encode()
            name = f"{seed}.json"
            tally.try_case(name, data, SESSION_LIMIT_S, lambda: session(command, seed, noise))

        try:
            if options.replay is not None and options.replay.suffix == ".json":
                job = json.loads(options.replay.read_text(encoding="utf-8"))
                try_session(int(job["seed"]), float(job["noise"]))
            elif options.replay is not None:
                try_burst(options.replay.name, options.replay.read_bytes())
            else:
                for number in range(options.bursts):
                    if not tally.is_over:
                        try_burst(f"{options.seed}-{number}.bin", burst(options.seed, number))
                for number in range(options.sessions):
                    if not tally.is_over:
                        seed = options.seed * 100_000 + number
                        try_session(seed, random.Random(seed).uniform(0.005, 0.05))
        finally:
            bursts.close()
    return tally.finish(sanitizers=sanitizing_compiler()[2])


if __name__ == "__main__":
    sys.exit(main())
