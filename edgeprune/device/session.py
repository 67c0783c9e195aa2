"""A Session: questions to a board over a Link, asked until the answer is whole or hope is gone.

A reply counts only with the right CRC-32 and the number of the request. Damage is met by asking again
at once, with less data in a line each time; silence by asking again later. Whole inputs and outputs
have a CRC-32 of their own, computed on both sides. So what a Session returns is right, or it raises
BoardError; it never returns a damaged number.
"""

import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeprune.device import wire
from edgeprune.device.link import Link
from edgeprune.device.wire import Message, Value, WireError
from edgeprune.errors import BoardError, NotFoundError

QUIET_S = 0.05
"""Nothing heard for so long: stale bytes are over."""
STALE_LIMIT_S = 2.0
WAITS_S = (0.5, 1.0, 2.0, 2.0)
"""How long to wait for a reply, each time that silence follows silence."""
RUN_WAITS_S = (4.0, 8.0, 16.0, 32.0)
DAMAGE_LIMIT = 100
"""So many damaged replies to one question, and the line is given up."""
LEAST_CHUNK_BYTES = 4
CLEAN_LINES = 8
"""After so many clean lines in a row, more data in a line is tried again."""
RESTARTS = 3
COUNT_LIMIT = 0xFFFF_FFFF
SHOWN_BYTES = 80


@dataclass(frozen=True)
class Device:
    """What a board says of itself and of the network in it."""

    target: str
    build: str
    model_hash: str
    layers: int
    clock_hz: int
    has_instructions: bool
    has_cycles: bool
    has_nanoseconds: bool
    has_documents: bool
    has_jobs: bool
    chunk_bytes: int
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    state_bytes: int


@dataclass(frozen=True)
class DeviceMemory:
    """Memory as the board sees it; `ram_bytes` is .data and .bss, the arena included."""

    arena_bytes: int
    ram_bytes: int
    stack_bytes: int
    stack_peak_bytes: int
    flash_bytes: int


@dataclass(frozen=True)
class Counts:
    """Instructions, cycles and time; None where the board cannot count them."""

    instructions: int | None
    cycles: int | None
    nanoseconds: int | None = None


@dataclass(frozen=True)
class RunResult:
    """One run: the raw outputs in the network's order, and the counts of a measured run."""

    outputs: tuple[bytes, ...]
    total: Counts
    layers: tuple[Counts, ...]


class Refused(Exception):
    """The board understood the question and said no."""

    def __init__(self, code: str, detail: int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Session:
    """An open conversation with a board; `session_id` numbers requests and runs."""

    def __init__(self, link: Link, session_id: int, start_wait_s: float = 0.0) -> None:
        """Find out who is there; a board that may still be starting is asked for `start_wait_s` at least."""
        self._link = link
        self._id = session_id
        self._sequence = session_id & 0xFFFF
        self._token = session_id
        self._buffer = bytearray()
        self._heard = b""
        self._most_bytes = self._chunk_bytes = wire.CHUNK_BYTES
        self._clean_lines = 0
        self._age: int | None = None  # runs since the state was reset; None: another session knows
        self._start_wait_s = start_wait_s
        self._synchronize()
        self.device = self._await_start()
        self._most_bytes = self._chunk_bytes = min(wire.LINUX_CHUNK_BYTES, self.device.chunk_bytes)

    # --- questions

    def flash_content(self) -> tuple[int, int]:
        """Length and CRC-32 of the image in the board's flash, as the board computes it."""
        reply = self._ask_or_fail("flash")
        return reply.number("length"), reply.number("crc")

    def memory(self) -> DeviceMemory:
        """Memory sizes and the stack's peak since the last reset."""
        reply = self._ask_or_fail("memory")
        names = ("arena", "ram", "stack", "stack_peak", "flash")
        return DeviceMemory(*(reply.number(name) for name in names))

    def reset(self) -> None:
        """Reset the board by its firmware, and find it again."""
        self._ask_or_fail("reset")
        self._synchronize()
        self.device = self._await_start()
        self._age = 0

    def reset_state(self) -> None:
        """Put the network's variables to what they start with; nothing happens where it has none."""
        if self.device.state_bytes:
            self._ask_or_fail("reset_state")
            self._age = 0

    def document(self, title: str) -> dict[str, Any]:
        """The JSON document `title` of a Linux device; BoardError where it has none."""
        ready = self._ask_or_fail("document", title=title)
        data = bytearray()
        while len(data) < ready.number("length"):
            length = min(self._chunk_bytes, ready.number("length") - len(data))
            reply = self._try_once_smaller("fetch", title=title, offset=len(data), length=length)
            if reply is not None and reply.number("offset") == len(data):
                data += reply.data("data")
        if zlib.crc32(data) != ready.number("crc"):
            raise BoardError(f"the document {title} changed while it was fetched", hint="try again")
        found: dict[str, Any] = json.loads(data)
        return found

    def start_job(self, token: int, inputs: Sequence[bytes], runs: int, warm_up: int) -> None:
        """Begin `runs` timed runs on the device; they go on without this session."""
        for index, data in enumerate(inputs):
            self._load(index, data)
        crc = zlib.crc32(b"".join(inputs))
        self._ask_or_fail("start", token=token, crc=crc, runs=runs, warm_up=warm_up)

    def job_progress(self, token: int) -> tuple[str, int, int]:
        """State (running, done, failed, unknown), runs done, and runs in all."""
        reply = self._ask_or_fail("progress", token=token)
        return reply.word("state"), reply.number("done"), reply.number("total")

    def forget_job(self, token: int) -> None:
        """Delete the results of a job on the device."""
        self._ask_or_fail("forget", token=token)

    def run(self, inputs: Sequence[bytes], *, measure: bool = False) -> RunResult:
        """Run the network on raw `inputs`; `measure` counts, for the whole and each layer.

        A network with state goes on from where the run before left it. A run of it that does not
        succeed is not tried again, which could be one run too many, and raises BoardError.
        """
        sizes = tuple(len(data) for data in inputs)
        if sizes != self.device.input_bytes:
            raise BoardError(f"inputs of {sizes} bytes, the board's network takes {self.device.input_bytes}")
        refused: Refused | None = None
        tries = 1 if self.device.state_bytes else RESTARTS
        for _ in range(tries):
            try:
                return self._run_once(inputs, measure)
            except Refused as error:  # the board lost its memory on the way: a reset
                refused = error
        assert refused is not None
        raise BoardError(
            f"the board refused a run {tries} times: {refused.code} ({refused.detail:#x})",
            hint="its supply or its memory is not stable",
        ) from refused

    def _run_once(self, inputs: Sequence[bytes], measure: bool) -> RunResult:
        for index, data in enumerate(inputs):
            self._load(index, data)
        self._token = (self._token + 1) & 0xFFFF_FFFF
        crc = zlib.crc32(b"".join(inputs))
        done = self._ask("run", token=self._token, crc=crc, measure=int(measure))
        self._check_age(done.number("age"))
        outputs = tuple(self._read(index, size) for index, size in enumerate(self.device.output_bytes))
        if zlib.crc32(b"".join(outputs)) != done.number("crc"):
            raise Refused("output_crc", done.number("crc"))
        layers = []
        if measure:
            layers = [
                self._ask("layer", token=self._token, index=index) for index in range(self.device.layers)
            ]
        return RunResult(outputs, self._counts(done, measure), tuple(self._counts(m, True) for m in layers))

    def _check_age(self, age: int) -> None:
        """The state that the network went on from must be the one that this session left."""
        if self.device.state_bytes and self._age is not None and age != self._age + 1:
            raise BoardError(
                f"the board lost the network's state: it counts {age} runs since the state was reset, "
                f"there were {self._age + 1}",
                hint="its supply or its memory is not stable; begin again",
            )
        self._age = age

    def _counts(self, reply: Message, measured: bool) -> Counts:
        def count(name: str, is_there: bool) -> int | None:
            value = reply.number(name)
            if reply.name == "layer" and value == COUNT_LIMIT:
                raise BoardError(f"layer {reply.number('index')} took more {name} than the board can tell")
            return value if measured and is_there else None

        has = self.device
        return Counts(
            count("instructions", has.has_instructions),
            count("cycles", has.has_cycles),
            count("cycles", has.has_nanoseconds),
        )

    def _load(self, index: int, data: bytes) -> None:
        offset = 0
        while offset < len(data):
            chunk = data[offset : offset + self._chunk_bytes]
            reply = self._try_once_smaller("load", input=index, offset=offset, data=chunk)
            if reply is not None:
                offset += len(chunk)

    def _read(self, index: int, size_bytes: int) -> bytes:
        data = bytearray()
        while len(data) < size_bytes:
            length = min(self._chunk_bytes, size_bytes - len(data))
            reply = self._try_once_smaller(
                "read", token=self._token, output=index, offset=len(data), length=length
            )
            if reply is None:
                continue
            if reply.number("offset") != len(data) or len(reply.data("data")) != length:
                raise BoardError(f"asked {length} bytes at {len(data)} of output {index}, got others")
            data += reply.data("data")
        return bytes(data)

    def _try_once_smaller(self, name: str, **values: Value) -> Message | None:
        """Ask; None after damage, when a smaller chunk should be tried."""
        if self._chunk_bytes <= LEAST_CHUNK_BYTES:
            return self._ask(name, **values)
        return self._ask_once(name, **values)

    # --- asking

    def _await_start(self) -> Device:
        deadline = time.monotonic() + self._start_wait_s
        while True:
            try:
                return self._introduce()
            except BoardError as error:
                if time.monotonic() > deadline or "was silent" not in error.message:
                    raise

    def _introduce(self) -> Device:
        who = self._ask_or_fail("identify", nonce=self._id)
        if who.number("protocol") != wire.PROTOCOL:
            raise BoardError(
                f"the board speaks protocol {who.number('protocol')}, this edgeprune {wire.PROTOCOL} "
                f"(its runner is {who.word('runner')} {who.word('build')})",
                hint="flash it again with this edgeprune",
            )
        model, device = self._ask_or_fail("model"), self._ask_or_fail("device")
        counters, features = device.number("counters"), device.number("features")
        return Device(
            target=who.word("target"),
            build=who.word("build"),
            model_hash=model.word("hash"),
            layers=model.number("layers"),
            clock_hz=device.number("clock_hz"),
            has_instructions=bool(counters & wire.COUNTS_INSTRUCTIONS),
            has_cycles=bool(counters & wire.COUNTS_CYCLES),
            has_nanoseconds=bool(counters & wire.COUNTS_NANOSECONDS),
            has_documents=bool(features & wire.HAS_DOCUMENTS),
            has_jobs=bool(features & wire.HAS_JOBS),
            chunk_bytes=device.number("chunk"),
            input_bytes=self._sizes("input", model.number("inputs")),
            output_bytes=self._sizes("output", model.number("outputs")),
            state_bytes=model.number("state"),
        )

    def _sizes(self, name: str, count: int) -> tuple[int, ...]:
        return tuple(self._ask_or_fail(name, index=index).number("size") for index in range(count))

    def _synchronize(self) -> None:
        """End whatever line the board is in the middle of, and drop what it said before."""
        self._link.write(b"\n")
        deadline = time.monotonic() + STALE_LIMIT_S
        while self._link.read(QUIET_S) and time.monotonic() < deadline:
            pass
        self._buffer.clear()

    def _ask_or_fail(self, name: str, **values: Value) -> Message:
        try:
            return self._ask(name, **values)
        except Refused as error:
            raise BoardError(f"the board refused {name}: {error.code} ({error.detail:#x})") from error

    def _ask(self, name: str, **values: Value) -> Message:
        """Ask until a whole reply comes; Refused, or BoardError after the retries."""
        reply = self._exchange(name, values, DAMAGE_LIMIT)
        assert reply is not None
        return reply

    def _ask_once(self, name: str, **values: Value) -> Message | None:
        """Ask; None at the first damage."""
        return self._exchange(name, values, 0)

    def _exchange(self, name: str, values: dict[str, Value], damage_limit: int) -> Message | None:
        self._sequence = self._sequence % 0xFFFF + 1  # never 0, which no request has
        line = wire.request(self._sequence, name, **values)
        waits = RUN_WAITS_S if name == "run" else WAITS_S
        silent = damaged = 0
        started = time.monotonic()
        while silent < len(waits) and damaged <= damage_limit:
            if silent or damaged:
                line = b"\n" + line.lstrip(b"\n")  # ends a line that lost its newline
            self._link.write(line)
            heard_before = self._heard
            self._heard = b""
            reply = self._await(name, time.monotonic() + waits[silent])
            if reply is not None:
                self._count_clean_line()
                return reply
            if self._heard:
                damaged, silent = damaged + 1, 0
            else:
                self._heard = heard_before
                silent += 1
        if silent < len(waits) and not damage_limit:
            self._chunk_bytes = max(LEAST_CHUNK_BYTES, self._chunk_bytes // 2)
            self._clean_lines = 0
            return None
        raise self._given_up(name, silent, damaged, time.monotonic() - started)

    def _given_up(self, name: str, silent: int, damaged: int, seconds: float) -> BoardError:
        what = "was silent" if silent else "gave only damaged answers"
        heard = repr(self._heard[-SHOWN_BYTES:].decode("latin-1")) if self._heard else "nothing"
        return BoardError(
            f"the board {what}: {name} was asked {silent + damaged} times in {seconds:.1f} s; "
            f"last heard: {heard}",
            hint="reset the board and look at the cable; edgeprune doctor checks the rest",
        )

    def _count_clean_line(self) -> None:
        self._clean_lines += 1
        if self._clean_lines >= CLEAN_LINES:
            self._clean_lines = 0
            self._chunk_bytes = min(self._most_bytes, 2 * self._chunk_bytes)

    def _await(self, name: str, deadline: float) -> Message | None:
        """The reply to the current request; None for damage (`_heard` says what) or silence."""
        while True:
            line = self._next_line(deadline)
            if line is None:
                self._heard = bytes(self._buffer)  # a line without its end
                self._buffer.clear()
                return None
            try:
                message = wire.parse(line)
            except WireError:
                if not line.strip(b"\r"):
                    continue
                self._heard = line
                return None
            if message.mark == "!":
                if self._is_damage_or_raise(message):
                    self._heard = line
                    return None
            elif message.mark == "<" and message.sequence == self._sequence and message.name == name:
                if name == "identify" and message.number("nonce") != self._id:
                    continue
                self._heard = line
                return message

    def _is_damage_or_raise(self, nak: Message) -> bool:
        """Whether a nak only says that our line arrived damaged; raises where it says no."""
        code, detail = nak.word("code"), nak.number("detail")
        if code == "fault" and nak.sequence in (wire.UNKNOWN_SEQUENCE, self._sequence):
            raise BoardError(
                f"the firmware crashed at address {detail:#010x}",
                hint="reset the board; if it crashes again the firmware is at fault",
            )
        if code == "busy" and nak.sequence in (wire.UNKNOWN_SEQUENCE, self._sequence):
            raise NotFoundError(
                f"the board is held by another session or its job, for {detail} s so far",
                hint="wait until it is done, or stop it",
            )
        if nak.sequence == wire.UNKNOWN_SEQUENCE:
            return True
        if nak.sequence == self._sequence:
            raise Refused(code, detail)
        return False

    def _next_line(self, deadline: float) -> bytes | None:
        while b"\n" not in self._buffer:
            left_s = deadline - time.monotonic()
            data = self._link.read(left_s) if left_s > 0 else b""
            if not data:
                return None
            self._buffer += data
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line
