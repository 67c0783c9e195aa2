"""Timed runs that go on whatever happens to the line: one job at a time, in a thread of its own.

Between the two looks at the clock lies one call of LiteRT and nothing else, with the garbage collector off;
the thread gives up Python's lock in that call. The main thread sleeps meanwhile, unless a request comes.
"""

import gc
import json
import logging
import statistics
import threading
import time
import zlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeprune.runner.linux.engine import Engine
from edgeprune.runner.linux.operators import Operators
from edgeprune.runner.linux.results import Order, Results, failed

log = logging.getLogger("edgeprune")

MOST_RUNS = 1_000_000

Observe = Callable[[], dict[str, Any]]
Look = Callable[[Sequence[bytes], int], Operators]
"""From the raw inputs and the nanoseconds of a run: the times of the operators."""


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    state: str
    done: int
    total: int


UNKNOWN = Progress("unknown", 0, 0)


class _Running:
    """The job that is being done."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.done = 0
        self.started = time.monotonic()


class Jobs:
    """Begins jobs, and knows those that have ended."""

    def __init__(self, engine: Engine, results: Results, observe: Observe, look: Look) -> None:
        self._engine = engine
        self._results = results
        self._observe = observe
        self._look = look
        self._running: _Running | None = None
        self._ended: dict[int, Progress] = {}

    @property
    def busy_s(self) -> int | None:
        """For how many seconds a job has been running; None where none is."""
        running = self._running
        return None if running is None else int(time.monotonic() - running.started)

    def start(self, order: Order, inputs: Sequence[bytes]) -> None:
        """Begin a job; the one that runs must have ended."""
        assert self._running is None
        running = _Running(order)
        try:
            self._results.begin(order)
        except OSError as error:
            self._end(failed(order, f"the device cannot keep results: {error}"))
            return
        self._running = running
        threading.Thread(target=self._work, args=(running, list(inputs)), name="job", daemon=True).start()

    def progress(self, token: int) -> Progress:
        """How far job `token` is."""
        running = self._running
        if running is not None and running.order.token == token:
            return Progress("running", running.done, running.order.runs)
        if token not in self._ended:
            self._recall(token)
        return self._ended.get(token, UNKNOWN)

    def document(self, token: int) -> bytes | None:
        """The results of job `token` once it has ended."""
        return self._results.document(token)

    def forget(self, token: int) -> None:
        """Delete the results of job `token`, which must have ended."""
        self._results.forget(token)
        self._ended.pop(token, None)

    def _recall(self, token: int) -> None:
        """Look up a job of an earlier process."""
        data = self._results.document(token)
        if data is None:
            return
        try:
            known = json.loads(data)
            found = Progress(str(known["state"]), len(known["nanoseconds"]), int(known["runs"]))
        except (ValueError, KeyError, TypeError) as error:
            log.error("results of job-%08x are damaged: %s", token, error)
            return
        self._ended[token] = found

    def _end(self, document: dict[str, Any]) -> None:
        self._results.end(document)
        progress = Progress(document["state"], len(document["nanoseconds"]), document["runs"])
        self._ended[document["token"]] = progress

    def _work(self, running: _Running, inputs: list[bytes]) -> None:
        """The thread: whatever happens in it, the job ends, and says how."""
        try:
            document = self._measure(running, inputs)
        except Exception as error:
            log.exception("%s failed", running.order.title)
            document = failed(running.order, f"{type(error).__name__}: {error}")
        try:
            self._end(document)
        finally:
            self._running = None

    def _measure(self, running: _Running, inputs: list[bytes]) -> dict[str, Any]:
        order = running.order
        before = self._observe()
        self._engine.set_inputs(inputs)
        for _ in range(order.warm_up):
            self._engine.invoke()
        nanoseconds = self._time(running)
        crc = zlib.crc32(b"".join(self._engine.outputs()))
        after = self._observe()
        operators = self._look(inputs, int(statistics.median(nanoseconds)))
        return {
            **asdict(order),
            "state": "done",
            "nanoseconds": nanoseconds.tolist(),
            "operators": None if operators.times is None else [asdict(each) for each in operators.times],
            "operators_note": operators.note,
            "before": before,
            "after": after,
            "error": None,
            "output_crc32": crc,
        }

    def _time(self, running: _Running) -> "array[int]":
        clock, which, invoke = time.clock_gettime_ns, time.CLOCK_MONOTONIC, self._engine.invoke
        nanoseconds = array("Q", bytes(8 * running.order.runs))
        is_collecting = gc.isenabled()
        gc.disable()
        try:
            for index in range(running.order.runs):
                start = clock(which)
                invoke()
                end = clock(which)
                nanoseconds[index] = end - start
                running.done = index + 1
        finally:
            if is_collecting:
                gc.enable()
        return nanoseconds
