"""The network in LiteRT: raw bytes in, raw bytes out.

The classic Interpreter is used, not the newer CompiledModel, which LiteRT's own benchmark tool times: an
inference costs 2 to 4 us less by it (a ResNet-8 78 us instead of 80), and tflite-runtime has only this one.
XNNPACK is its delegate by default, in both packages.
"""

import importlib
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeprune.errors import EdgepruneError, ModelError, NotFoundError, UsageError
from edgeprune.runner.linux.variables import state_bytes

# By preference: the module of the interpreter, the package that it is in, our word for it.
RUNTIMES = (
    ("ai_edge_litert.interpreter", "ai-edge-litert", "litert"),
    ("tflite_runtime.interpreter", "tflite-runtime", "tflite-runtime"),
)
MOST_THREADS = 256


class EngineError(EdgepruneError):
    """LiteRT could not run the network."""


@dataclass(frozen=True)
class Runtime:
    """What runs the network; `delegate` is None where LiteRT's own kernels run all of it."""

    name: str
    version: str
    threads: int
    delegate: str | None


@dataclass(frozen=True)
class _Place:
    """An input or an output of the interpreter."""

    index: int
    shape: tuple[int, ...]
    dtype: Any

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * int(self.dtype.itemsize)


def wanted_threads(cpus: int) -> int:
    """Threads for the network: EDGEPRUNE_THREADS, else as many as there are CPUs."""
    text = os.environ.get("EDGEPRUNE_THREADS")
    if text is None:
        return cpus
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise UsageError(f"EDGEPRUNE_THREADS is {text!r}", hint=f"a number from 1 to {MOST_THREADS}")
    return int(text)


class Engine:
    """The network of `model`, ready to run on `threads` threads."""

    def __init__(self, model: Path, threads: int) -> None:
        """ModelError where LiteRT refuses the model, NotFoundError where there is no LiteRT."""
        make, name, version = _find_runtime()
        self._make: Callable[[], Any] = partial(make, model_path=str(model), num_threads=threads)
        started = time.monotonic()
        self._load(model.name)
        self.load_ms = (time.monotonic() - started) * 1000
        self.runtime = Runtime(name, version, threads, self._delegate())
        self.state_bytes = state_bytes(model.read_bytes())

    def _load(self, name: str) -> None:
        try:
            self._interpreter = self._make()
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"LiteRT refuses {name}: {error}", hint="build the Bundle again") from error
        self._inputs = [_place(found) for found in self._interpreter.get_input_details()]
        self._outputs = [_place(found) for found in self._interpreter.get_output_details()]

    @property
    def input_bytes(self) -> tuple[int, ...]:
        """The size of each input."""
        return tuple(place.size_bytes for place in self._inputs)

    @property
    def output_bytes(self) -> tuple[int, ...]:
        """The size of each output."""
        return tuple(place.size_bytes for place in self._outputs)

    @property
    def invoke(self) -> Callable[[], None]:
        """One inference, and nothing else: what is timed. It keeps the inputs as they are."""
        function: Callable[[], None] = self._interpreter.invoke
        return function

    def set_inputs(self, inputs: Sequence[bytes | bytearray]) -> None:
        """Give the network its raw inputs."""
        import numpy as np

        for place, data in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(place.index, np.frombuffer(data, place.dtype).reshape(place.shape))

    def outputs(self) -> tuple[bytes, ...]:
        """The raw outputs of the last inference."""
        return tuple(self._interpreter.get_tensor(place.index).tobytes() for place in self._outputs)

    def run(self, inputs: Sequence[bytes | bytearray]) -> tuple[tuple[bytes, ...], int]:
        """One inference: the raw outputs, and the nanoseconds that it took."""
        self.set_inputs(inputs)
        clock, which, invoke = time.clock_gettime_ns, time.CLOCK_MONOTONIC, self.invoke
        try:
            start = clock(which)
            invoke()
            end = clock(which)
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT could not run the network: {error}") from error
        return self.outputs(), end - start

    def reset(self) -> None:
        """Put the variables to what they start with.

        The interpreter is made anew: its reset_all_variables leaves the named variables as they are (seen
        with LiteRT 2.3.0).
        """
        if self.state_bytes:
            self._load("the network")

    def try_out(self) -> None:
        """One inference on zeros, which leaves no state; EngineError where it fails."""
        self.run([bytes(size) for size in self.input_bytes])
        self.reset()

    def _delegate(self) -> str | None:
        # A private method, and no public one tells; both runtimes, whose versions are pinned, have it.
        details = self._interpreter._get_ops_details()
        return "xnnpack" if any(each["op_name"] == "DELEGATE" for each in details) else None


def _place(found: dict[str, Any]) -> _Place:
    import numpy as np

    return _Place(int(found["index"]), tuple(int(n) for n in found["shape"]), np.dtype(found["dtype"]))


def _find_runtime() -> tuple[Any, str, str]:
    """The class of the interpreter, our name of the runtime, its version."""
    reasons = []
    for module, package, name in RUNTIMES:
        try:
            return importlib.import_module(module).Interpreter, name, metadata.version(package)
        except ImportError as error:
            reasons.append(f"{package}: {error}")
    raise NotFoundError(
        f"no LiteRT for {sys.executable} ({'; '.join(reasons)})",
        hint="install.sh makes an environment that has it",
    )
