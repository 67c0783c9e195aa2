"""What the fuzzers share: their options, limits of time and memory, findings kept for replay, the JSON.

Every case follows from the seed and its number alone, so that a run can be made again; a finding is
also saved as a file, which `--replay FILE` runs alone.
"""

import argparse
import importlib
import json
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from edgeprune.device.hostlib import ASAN_FLAGS, UBSAN_FLAGS
from edgeprune.device.toolchain import ZIG
from edgeprune.tflite.graph import DTYPES, Array, Tensor

TESTS = Path(__file__).resolve().parents[2] / "tests"
FINDINGS = Path("build") / "fuzz"
PROGRESS_S = 10.0


class TooSlowError(Exception):
    """A case took longer than its limit."""


class Finding(Exception):
    """Something is wrong that raised nothing by itself."""


def parser(doc: str) -> argparse.ArgumentParser:
    """The options that all fuzzers have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--save", type=Path, default=FINDINGS, help=f"folder for findings (default {FINDINGS})")
    made.add_argument("--replay", type=Path, help="run only this saved finding")
    made.add_argument("--seconds", type=float, default=float("inf"), help="start no new case after so long")
    return made


class Tally:
    """Counts, times and findings of one run."""

    def __init__(self, tool: str, options: argparse.Namespace) -> None:
        self._tool = tool
        self._options = options
        self._start = self._shown = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.findings: list[dict[str, str]] = []

    @property
    def is_over(self) -> bool:
        """Whether the time given is used up."""
        return time.monotonic() - self._start > float(self._options.seconds)

    def try_case(self, name: str, data: bytes, limit_s: int, case: Callable[[], str]) -> str:
        """Count what `case` returns; what it raises is a finding, saved as file `name` with `data`."""
        start = time.perf_counter()
        try:
            with time_limit(limit_s):
                result = case()
        except Exception as error:
            self._found(name, data, error)
            result = "findings"
        self.counts[result] += 1
        self.slowest_s = max(self.slowest_s, time.perf_counter() - start)
        if time.monotonic() - self._shown > PROGRESS_S:
            self._shown = time.monotonic()
            print(f"{name}: {dict(self.counts)}", file=sys.stderr, flush=True)
        return result

    def _found(self, name: str, data: bytes, error: Exception) -> None:
        folder: Path = self._options.save
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._tool}-{name}"
        if self._options.replay is None:
            path.write_bytes(data)
        told = "".join(traceback.format_exception(error, limit=-3))[-3000:]
        self.findings.append({"file": str(path), "error": told})
        print(f"FINDING {path}\n{told}", file=sys.stderr, flush=True)

    def finish(self, **more: Any) -> int:
        """Print the JSON; 1 if there is a finding."""
        report = {
            "command": " ".join([f"python -m tools.fuzz.{self._tool}", *sys.argv[1:]]),
            "seed": self._options.seed,
            **more,
            "counts": dict(sorted(self.counts.items())),
            "seconds": round(time.monotonic() - self._start, 1),
            "slowest_s": round(self.slowest_s, 3),
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "findings": self.findings[:20],
            "finding_count": len(self.findings),
        }
        print(json.dumps(report, indent=2))
        return int(bool(self.findings))


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TooSlowError in the body after so many seconds; a child that it waits for is killed."""

    def too_slow(signum: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def memory_limit(bytes_: int) -> Iterator[None]:
    """Make an allocation beyond `bytes_` of address space a MemoryError; not for sanitized children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def sanitizing_compiler() -> tuple[Sequence[str], Sequence[str], str]:
    """A C compiler's command, its sanitizers' flags, and their name: gcc's where there is one."""
    if shutil.which("gcc"):
        return ("gcc",), ASAN_FLAGS, "gcc ASan and UBSan"
    return ZIG.find(), UBSAN_FLAGS, "zig UBSan"


def from_tests(module: str) -> Any:
    """A helper of the tests, such as `support.kernels`."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    return importlib.import_module(module)


def random_array(tensor: Tensor, rng: np.random.Generator) -> Array:
    """Values for an input: over the whole range, all at one end, or at both ends."""
    dtype = DTYPES[tensor.dtype]
    if dtype.kind == "f":
        return rng.normal(scale=4, size=tensor.shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, tensor.shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    kind = rng.integers(0, 6)
    if kind < 3:
        return rng.integers(low, high, tensor.shape, dtype, endpoint=True)
    ends = np.array([[low, low], [high, high], [low, high]][kind - 3], dtype)
    return np.asarray(rng.choice(ends, tensor.shape), dtype)


def same_bytes(wanted: Sequence[Array], made: Sequence[Array], what: str) -> None:
    """Raise Finding where an output differs in shape, type or bytes."""
    for index, (one, other) in enumerate(zip(wanted, made, strict=True)):
        if one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes():
            places = int(np.count_nonzero(one != other)) if one.shape == other.shape else -1
            raise Finding(f"{what}: output {index} differs in {places} of {one.size} elements")
