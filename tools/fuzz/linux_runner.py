"""Garbage on the line of the Linux runner: it answers or is silent, and never dies.

    python -m tools.fuzz.linux_runner --bursts 2000 --seed 1

Bursts are those of `tools.fuzz.wire` (random bytes, damaged requests, damaged requests with a right CRC-32)
and requests that are right in form, up to the longest lines and with documents and jobs, whose numbers are at
the ends of things. After each, the runner must answer a clean `identify`, and have said nothing but whole
lines of the protocol, no request among them and no `fault`. It has to be the same process all the time, and
must not grow. A finding is the burst's bytes.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edgeprune.device import wire
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.wire import Kind, WireError
from edgeprune.runner.linux.protocol import LINE_BYTES
from tools.fuzz import wire as microcontroller
from tools.fuzz.common import Finding, Tally, from_tests, parser

BURST_LIMIT_S = 120
ANSWER_S = 20.0
ASK_S = 2.0  # a reset in the burst swallows what is behind it, and takes its time
GROWTH_BYTES = 200 << 20
WORDS = ("system", "job-00000000", "job-00000001", "job-ffffffff", "job-0000000g", "x", "w" * wire.WORD_BYTES)
TOKENS = (0, 1, 0xFFFFFFFF)


def request(rng: random.Random) -> bytes:
    """A request that is right in form, most of them to the same few documents and jobs."""
    command = rng.choice([each for each in wire.COMMANDS if each.name != "reset" or rng.random() < 0.1])
    values: dict[str, wire.Value] = {}
    for field in command.request:
        if field.kind is Kind.BYTES:
            values[field.name] = rng.randbytes(rng.choice([1, 72, rng.randint(1, wire.LINUX_CHUNK_BYTES)]))
        elif field.kind is Kind.WORD:
            values[field.name] = rng.choice(WORDS)
        elif field.name == "crc":
            values[field.name] = rng.choice([ZEROS_CRC, rng.getrandbits(32)])
        elif field.name in ("runs", "warm_up"):
            values[field.name] = rng.choice([0, 1, 2, 50, 0xFFFFFFFF])
        else:
            values[field.name] = rng.choice([*TOKENS, 71, 72, 73, 1024, 1025, 0x80000000])
    return wire.request(rng.randrange(0x10000), command.name, **values)


ZEROS_CRC = 0x0FC2BB52
"""CRC-32 of the network's inputs when nothing was loaded: `run` and `start` are really done."""

PIECES: tuple[Callable[[random.Random], bytes], ...] = (
    request,
    request,
    request,
    lambda rng: microcontroller.mutated(request(rng), rng),
    lambda rng: microcontroller.sealed(
        microcontroller.mutated(request(rng).rsplit(b" *", 1)[0], rng).replace(b"\n", b" ")
    ),
    lambda rng: rng.choice(microcontroller.PIECES)(rng),
    lambda rng: b"x" * rng.choice([LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, 100_000]) + b"\n",
)


def burst(seed: int, number: int) -> bytes:
    """Burst `number` of `seed`."""
    rng = random.Random(f"linux {seed} {number}")
    return b"".join(rng.choice(PIECES)(rng) for _ in range(rng.choice([1, 3, 10, 30])))


def make_release(folder: Path) -> Path:
    """A release with a small network: 72 bytes in, 3 out."""
    made: Path = from_tests("runner.releases").make_release(
        folder, from_tests("support.networks").tiny_network()
    )
    return made


class Runner(ChildBoard):
    """A Link to a runner, whose log goes to a file."""

    def __init__(self, release: Path) -> None:
        script = (
            f'exec "{sys.executable}" -m edgeprune.runner.linux serve --stdio --release "$0" 2>> "$0/log"'
        )
        super().__init__(["sh", "-c", script, str(release)])

    @property
    def pid(self) -> int:
        """The runner's process."""
        return self._child.pid


class Bursts:
    """A runner that is started again only after a finding."""

    def __init__(self, release: Path) -> None:
        self._runner = Runner(release)
        self._number = 0
        self._pid = 0
        self._first_bytes = 0

    def run(self, data: bytes) -> str:
        """One burst, and what is to hold after it."""
        self._number += 1
        try:
            self._runner.write(data + b"\n")
            self._await_identity(0x1000_0000 + self._number)
            self._check_size()
        except BaseException:
            self._runner.reset()
            self._pid = 0
            raise
        return "bursts survived"

    def _await_identity(self, nonce: int) -> None:
        heard, deadline, asked = b"", time.monotonic() + ANSWER_S, 0.0
        while time.monotonic() < deadline:
            if time.monotonic() - asked > ASK_S:
                self._runner.write(b"\n" + wire.request(1, "identify", nonce=nonce))
                asked = time.monotonic()
            heard += self._runner.read(0.2)
            *lines, heard = heard.split(b"\n")
            if any(_is_answer(line, nonce) for line in lines):
                return
        raise Finding(f"the runner did not answer identify in {ANSWER_S} s")

    def _check_size(self) -> None:
        """The process is the one of before, and no larger than a leak would make it."""
        pid = self._runner.pid
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        if self._pid == 0:
            self._pid, self._first_bytes = pid, resident
        if pid != self._pid:
            raise Finding("the runner is another process than before")
        if resident > self._first_bytes + GROWTH_BYTES:
            raise Finding(f"the runner grew from {self._first_bytes} to {resident} bytes")

    def close(self) -> None:
        """End the runner."""
        self._runner.close()


def _is_answer(line: bytes, nonce: int) -> bool:
    try:
        message = wire.parse(line)
    except WireError as error:
        raise Finding(f"the runner said {line!r}: {error}") from error
    if message.mark == ">":
        raise Finding(f"the runner asks: {line!r}")
    if message.mark == "!" and message.word("code") == "fault":
        raise Finding(f"a request failed inside: {line!r}")
    return message.mark == "<" and message.name == "identify" and message.number("nonce") == nonce


def main() -> int:
    """Run the bursts, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("--bursts", type=int, default=500)
    options = options_of.parse_args()
    tally = Tally("linux_runner", options)
    with tempfile.TemporaryDirectory(prefix="edgeprune-fuzz-") as folder:
        bursts = Bursts(make_release(Path(folder)))

        def try_burst(name: str, data: bytes) -> None:
            tally.try_case(name, data, BURST_LIMIT_S, lambda: bursts.run(data))

        try:
            if options.replay is not None:
                try_burst(options.replay.name, options.replay.read_bytes())
            else:
                for number in range(options.bursts):
                    if not tally.is_over:
                        try_burst(f"{options.seed}-{number}.bin", burst(options.seed, number))
        finally:
            bursts.close()
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
