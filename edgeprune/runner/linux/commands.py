"""What each request is answered: the twin of the handlers in runner/mcu/ep_runner.c, and documents and jobs.

A handler gets a request whose fields are sound, and returns the fields of the reply or raises Refusal.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from edgeprune import __version__
from edgeprune.device import wire
from edgeprune.device.wire import Message, Value
from edgeprune.runner.linux.engine import Engine
from edgeprune.runner.linux.jobs import MOST_RUNS, Jobs
from edgeprune.runner.linux.protocol import Refusal
from edgeprune.runner.linux.release import Release
from edgeprune.runner.linux.results import Order, token_of
from edgeprune.runner.linux.system import System

RUNNER = "edgeprune-linux"
SYSTEM = "system"
U32 = 0xFFFF_FFFF

Reply = Mapping[str, Value]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class _LastRun:
    """The last run, so that the same request again gets the same answer."""

    token: int
    outputs: tuple[bytes, ...]
    reply: Reply


@dataclass(frozen=True)
class _Prepared:
    """A document that is ready to be fetched."""

    title: str
    data: bytes


class Commands:
    """The answers of one device; `wants_reset` is set by the request to start again."""

    def __init__(self, release: Release, engine: Engine, system: System, jobs: Jobs) -> None:
        self._release = release
        self._engine = engine
        self._system = system
        self._jobs = jobs
        self._inputs = [bytearray(size) for size in engine.input_bytes]
        self._last: _LastRun | None = None
        self._age = 0  # runs since the network's variables were put to what they start with
        self._prepared: _Prepared | None = None
        self._request_before: tuple[str, int] | None = None
        self.wants_reset = False
        self._handlers: dict[str, Callable[[Message], Reply]] = {
            "identify": self._identify,
            "model": self._model,
            "device": self._device,
            "input": self._input,
            "output": self._output,
            "load": self._load,
            "run": self._run,
            "reset_state": self._reset_state,
            "layer": self._layer,
            "read": self._read,
            "memory": self._memory,
            "flash": self._flash,
            "reset": self._reset,
            "document": self._document,
            "fetch": self._fetch,
            "start": self._start,
            "progress": self._progress,
            "forget": self._forget,
        }

    def answer(self, request: Message) -> Reply:
        """The fields of the reply to `request`; Refusal says why there is none."""
        values = self._handlers[request.name](request)
        self._request_before = (request.name, request.sequence)
        return values

    # --- who is there

    def _identify(self, request: Message) -> Reply:
        return {
            "nonce": request.number("nonce"),
            "protocol": wire.PROTOCOL,
            "runner": RUNNER,
            "build": __version__,
            "target": self._release.target,
        }

    def _model(self, _request: Message) -> Reply:
        engine = self._engine
        return {
            "hash": self._release.model_hash,
            "layers": 0,  # LiteRT times operators only in a job, and its operators are not the network's
            "inputs": len(engine.input_bytes),
            "outputs": len(engine.output_bytes),
            "state": min(engine.state_bytes, U32),
        }

    def _device(self, _request: Message) -> Reply:
        return {
            "clock_hz": 0,  # it changes; the document "system" has it
            "counters": wire.COUNTS_NANOSECONDS,
            "chunk": wire.LINUX_CHUNK_BYTES,
            "features": wire.HAS_DOCUMENTS | wire.HAS_JOBS,
        }

    def _input(self, request: Message) -> Reply:
        return {"size": _at(self._engine.input_bytes, request.number("index"))}

    def _output(self, request: Message) -> Reply:
        return {"size": _at(self._engine.output_bytes, request.number("index"))}

    def _memory(self, _request: Message) -> Reply:
        return {
            "arena": 0,  # LiteRT does not tell
            "ram": min(self._system.peak_bytes() or 0, U32),
            "stack": 0,
            "stack_peak": 0,
            "flash": self._release.content.length_bytes & U32,
        }

    def _flash(self, _request: Message) -> Reply:
        content = self._release.content
        return {"length": content.length_bytes & U32, "crc": content.crc32}

    def _reset(self, _request: Message) -> Reply:
        self.wants_reset = True
        return {}

    # --- inference

    def _load(self, request: Message) -> Reply:
        self._refuse_beside_a_job()
        index, offset, data = request.number("input"), request.number("offset"), request.data("data")
        size = _at(self._engine.input_bytes, index)
        if offset + len(data) > size:
            raise Refusal("bad_offset", size)
        self._last = None  # as on a microcontroller, where inputs and outputs may share memory
        self._inputs[index][offset : offset + len(data)] = data
        return {"input": index, "offset": offset, "length": len(data)}

    def _run(self, request: Message) -> Reply:
        token = request.number("token")
        if self._last is None or self._last.token != token:
            self._refuse_beside_a_job()
            self._last = None
            self._check_inputs(request.number("crc"))
            outputs, nanoseconds = self._engine.run(self._inputs)
            self._age += 1
            values: Reply = {
                "token": token,
                "crc": zlib.crc32(b"".join(outputs)),
                "instructions": 0,
                "cycles": nanoseconds if request.number("measure") else 0,
                "age": self._age & U32,
            }
            self._last = _LastRun(token, outputs, values)
        return self._last.reply

    def _reset_state(self, _request: Message) -> Reply:
        self._refuse_beside_a_job()
        self._engine.reset()
        self._age = 0
        self._last = None
        return {}

    def _layer(self, request: Message) -> Reply:
        self._run_of(request)
        raise Refusal("bad_index")

    def _read(self, request: Message) -> Reply:
        outputs = self._run_of(request).outputs
        index, offset, length = (request.number(name) for name in ("output", "offset", "length"))
        data = _at(outputs, index)
        return {"output": index, "offset": offset, "data": _piece(data, offset, length)}

    def _run_of(self, request: Message) -> _LastRun:
        if self._last is None or self._last.token != request.number("token"):
            raise Refusal("bad_token")
        return self._last

    def _check_inputs(self, wanted: int) -> None:
        crc = zlib.crc32(b"".join(self._inputs))
        if crc != wanted:
            raise Refusal("bad_input", crc)

    # --- documents

    def _document(self, request: Message) -> Reply:
        title = request.word("title")
        # A request that is repeated because its answer got lost finds the document that it made: the other
        # answer may still come, and the two must not tell of different ones.
        is_repeated = self._request_before == (request.name, request.sequence)
        if self._prepared is None or not is_repeated or self._prepared.title != title:
            self._prepared = _Prepared(title, self._write(title))
        data = self._prepared.data
        return {"length": len(data), "crc": zlib.crc32(data)}

    def _write(self, title: str) -> bytes:
        if title == SYSTEM:
            return json.dumps(self._system.document(), separators=(",", ":"), allow_nan=False).encode()
        token = token_of(title)
        data = None if token is None else self._jobs.document(token)
        if data is None:
            raise Refusal("no_document")
        return data

    def _fetch(self, request: Message) -> Reply:
        offset, length = request.number("offset"), request.number("length")
        if self._prepared is None or self._prepared.title != request.word("title"):
            raise Refusal("no_document")
        return {"offset": offset, "data": _piece(self._prepared.data, offset, length)}

    # --- jobs

    def _start(self, request: Message) -> Reply:
        token, runs, warm_up = (request.number(name) for name in ("token", "runs", "warm_up"))
        if self._jobs.progress(token).state == "unknown":
            self._refuse_beside_a_job()
            if not 1 <= runs <= MOST_RUNS or warm_up > MOST_RUNS:
                raise Refusal("bad_field", MOST_RUNS)
            self._check_inputs(request.number("crc"))
            self._jobs.start(Order(token, runs, warm_up), [bytes(data) for data in self._inputs])
            self._age += runs + warm_up
        return {"token": token}

    def _progress(self, request: Message) -> Reply:
        token = request.number("token")
        progress = self._jobs.progress(token)
        return {"token": token, "done": progress.done, "total": progress.total, "state": progress.state}

    def _forget(self, request: Message) -> Reply:
        token = request.number("token")
        if self._jobs.progress(token).state == "running":
            self._refuse_beside_a_job()
        self._jobs.forget(token)
        return {}

    def _refuse_beside_a_job(self) -> None:
        """A run beside a job would spoil its times, and change what it computes."""
        seconds = self._jobs.busy_s
        if seconds is not None:
            raise Refusal("busy", seconds)


def _at(items: tuple[_Item, ...], index: int) -> _Item:
    if index >= len(items):
        raise Refusal("bad_index")
    return items[index]


def _piece(data: bytes, offset: int, length: int) -> bytes:
    """`length` bytes of `data`, where a line holds as many and they are there."""
    if not 1 <= length <= wire.LINUX_CHUNK_BYTES or offset + length > len(data):
        raise Refusal("bad_offset", len(data))
    return data[offset : offset + length]
