"""Times of single operators, from LiteRT's own profiler, of exactly one version of LiteRT.

The profiler is in libLiteRt.so, behind C functions whose header the package does not have and whose structs
change: `MemoryUsage` has three numbers in 2.3.0 and had two before, and a wrong layout writes behind the
buffer. So it is used of version 2.3.0 alone, in a child process that may crash or hang, and what the child
says is checked. Times are whole microseconds, as LiteRT measures them. An operator is what XNNPACK made of
the network's (it takes several as one, or one apart), so names are XNNPACK's, in the order that they run.
"""

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.runner.linux.engine import Runtime

VERSION = "2.3.0"
RUNS = 50
LEAST_RUNS = 3
WARM_UP = 5
BUDGET_NS = 5_000_000_000
"""Fewer runs are profiled where they would take longer than this."""
START_LIMIT_S = 120.0
SLOWER = 20
"""How much slower than the runs before the child may be."""
MOST_OPERATORS = 4096
MOST_NAME = 200
SHOWN = 200
RESOLUTION = "operators: LiteRT's profiler counts whole microseconds"


@dataclass(frozen=True)
class OperatorTime:
    """The median time of one operator."""

    name: str
    op: str
    nanoseconds: int


@dataclass(frozen=True)
class Operators:
    """The times of all operators, or None; the note says why, or how they were measured."""

    times: tuple[OperatorTime, ...] | None
    note: str | None


class Profiler:
    """Profiles `model` in a child process: the command `program operators`."""

    def __init__(self, program: Sequence[str], model: Path, runtime: Runtime) -> None:
        self._program = program
        self._model = model
        self._runtime = runtime

    def look(self, inputs: Sequence[bytes], run_ns: int) -> Operators:
        """The operators' times; `run_ns` is about what an inference takes."""
        runtime = self._runtime
        if (runtime.name, runtime.version) != ("litert", VERSION):
            what = f"{runtime.name} {runtime.version}"
            return Operators(None, f"no times of operators: LiteRT {VERSION} tells them, this is {what}")
        runs = max(LEAST_RUNS, min(RUNS, BUDGET_NS // max(1, run_ns)))
        limit_s = START_LIMIT_S + SLOWER * (runs + WARM_UP) * run_ns / 1e9
        options = {"model": str(self._model), "threads": runtime.threads, "runs": runs, "warm_up": WARM_UP}
        sizes = [len(data) for data in inputs]
        order = json.dumps({**options, "input_bytes": sizes}).encode() + b"\n" + b"".join(inputs)
        try:
            done = subprocess.run(
                [*self._program, "operators"], input=order, capture_output=True, timeout=limit_s, check=False
            )
        except (OSError, subprocess.SubprocessError) as error:
            return Operators(None, f"no times of operators: {str(error)[:SHOWN]}")
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            how = f"the profiler ended with status {done.returncode}"
            return Operators(None, f"no times of operators: {how} ({''.join(words)[:SHOWN]})")
        return _checked(done.stdout)


def _checked(said: bytes) -> Operators:
    """What the child printed, if it makes sense."""
    try:
        document = json.loads(said)
        whole_ns = int(document["whole_nanoseconds"])
        times = tuple(_operator(each) for each in document["operators"])
    except (ValueError, KeyError, TypeError) as error:
        return Operators(None, f"no times of operators: the profiler's answer is damaged ({error})")
    total_ns = sum(each.nanoseconds for each in times)
    if not 1 <= len(times) <= MOST_OPERATORS or total_ns > whole_ns:
        what = f"{len(times)} operators take {total_ns} ns in runs of {whole_ns} ns"
        return Operators(None, f"no times of operators: the profiler contradicts itself ({what})")
    return Operators(times, RESOLUTION)


def _operator(found: Mapping[str, Any]) -> OperatorTime:
    name, op, nanoseconds = found["name"], found["op"], found["nanoseconds"]
    if not isinstance(name, str) or not isinstance(op, str) or type(nanoseconds) is not int:
        raise TypeError("a field has another type")
    if not name or len(name) > MOST_NAME or not 0 <= nanoseconds < 1 << 62:
        raise ValueError("a value is out of range")
    return OperatorTime(name, op, nanoseconds)


def median_of(profiles: Sequence[Sequence[tuple[str, int]]]) -> tuple[OperatorTime, ...]:
    """Name and microseconds of each operator in each run, to medians; ValueError where the runs differ."""
    names = [name for name, _ in profiles[0]]
    if any([name for name, _ in profile] != names for profile in profiles):
        raise ValueError("the runs have other operators")
    times = []
    for index, name in enumerate(names):
        median_us = statistics.median_low(profile[index][1] for profile in profiles)
        kind = name.partition(" (")[0]
        times.append(OperatorTime(f"{index}: {name}"[:MOST_NAME], kind, 1000 * median_us))
    return tuple(times)
