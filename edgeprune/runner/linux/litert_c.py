"""The few C functions of libLiteRt.so 2.3.0 that profile a network; run in a child process only.

Source: google-ai-edge/LiteRT, litert/c/*.h; the layouts were tried with the package's own library.
"""

import ctypes
import importlib.util
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from edgeprune.runner.linux.operators import median_of

CPU = 1  # kLiteRtHwAcceleratorCpu
LOCK_WRITE = 1  # kLiteRtTensorBufferLockModeWrite
TYPE_BYTES = 256  # LiteRtRankedTensorType has 72
# LiteRtProfilerEventType: an operator of the runtime, and one of a delegate that counts as such.
OPERATOR_EVENTS = (1 << 1, 1 << 3)
SPARE = 2
"""So many times the room that the events should need."""

_Handle = ctypes.c_void_p
_Size = ctypes.c_size_t


class _MemoryUsage(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("allocated", "in_use", "private_footprint")]


class _Event(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("begin_memory", _MemoryUsage),
        ("end_memory", _MemoryUsage),
        ("metadata1", ctypes.c_uint64),
        ("metadata2", ctypes.c_uint64),
        ("source", ctypes.c_int),
    ]


class _Library:
    """Calls that raise where the library says no."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("ai_edge_litert")
        assert found is not None and found.origin is not None
        self._library = ctypes.CDLL(str(Path(found.origin).with_name("libLiteRt.so")))

    def call(self, name: str, *arguments: Any) -> None:
        """Call LiteRt`name`, which returns a status."""
        status = getattr(self._library, f"LiteRt{name}")(*arguments)
        if status:
            raise RuntimeError(f"LiteRt{name} ended with status {status}")

    def make(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        """Call LiteRt`name`, whose last argument is where it puts a handle."""
        handle = _Handle()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle

    def number(self, name: str, *arguments: Any) -> int:
        """Call LiteRt`name`, whose last argument is where it puts a size."""
        number = _Size()
        self.call(name, *arguments, ctypes.byref(number))
        return number.value


_KEEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _payload: None)
"""Python owns the options' texts."""


class _Model:
    """A compiled model with its profiler and its buffers; it lives as long as the process."""

    def __init__(self, path: str, threads: int) -> None:
        self._lite = lite = _Library()
        environment = lite.make("CreateEnvironment", 0, None)
        self._model = lite.make("CreateModelFromFile", environment, os.fsencode(path))
        options = lite.make("CreateOptions")
        lite.call("SetOptionsHardwareAccelerators", options, CPU)
        self._texts = []
        for name, text in (
            ("runtime_options_string", "enable_profiling = true\n"),
            ("xnnpack", f"num_threads = {threads}\n"),
        ):
            payload = ctypes.create_string_buffer(text.encode())
            self._texts.append(payload)
            made = lite.make("CreateOpaqueOptions", name.encode(), ctypes.cast(payload, _Handle), _KEEP)
            lite.call("AddOpaqueOptions", options, made)
        self._compiled = lite.make("CreateCompiledModel", environment, self._model, options)
        self._profiler = lite.make("CompiledModelGetProfiler", self._compiled)
        subgraph = lite.make("GetModelSubgraph", self._model, _Size(0))
        self._inputs = self._buffers(environment, subgraph, "Input")
        self._outputs = self._buffers(environment, subgraph, "Output")

    def _buffers(self, environment: _Handle, subgraph: _Handle, kind: str) -> "ctypes.Array[ctypes.c_void_p]":
        lite = self._lite
        count = lite.number(f"GetNumSubgraph{kind}s", subgraph)
        made = []
        for index in range(count):
            tensor = lite.make(f"GetSubgraph{kind}", subgraph, _Size(index))
            kind_of_tensor = ctypes.create_string_buffer(TYPE_BYTES)
            lite.call("GetRankedTensorType", tensor, kind_of_tensor)
            needs = lite.make(
                f"GetCompiledModel{kind}BufferRequirements", self._compiled, _Size(0), _Size(index)
            )
            made.append(
                lite.make("CreateManagedTensorBufferFromRequirements", environment, kind_of_tensor, needs)
            )
        return (_Handle * count)(*(each.value for each in made))

    def load(self, inputs: Sequence[bytes]) -> None:
        """Write the raw inputs."""
        for handle, data in zip(self._inputs, inputs, strict=True):
            buffer = _Handle(handle)
            room = self._lite.number("GetTensorBufferPackedSize", buffer)
            if room != len(data):
                raise ValueError(f"an input has {room} bytes here, {len(data)} there")
            place = _Handle()
            self._lite.call("LockTensorBuffer", buffer, ctypes.byref(place), LOCK_WRITE)
            ctypes.memmove(place, data, len(data))
            self._lite.call("UnlockTensorBuffer", buffer)

    def run(self) -> None:
        """One inference."""
        counts = (_Size(len(self._inputs)), _Size(len(self._outputs)))
        self._lite.call(
            "RunCompiledModel", self._compiled, _Size(0), counts[0], self._inputs, counts[1], self._outputs
        )

    def profile(self) -> list[tuple[str, int]]:
        """One inference: name and microseconds of each operator, in order."""
        self._lite.call("StartProfiler", self._profiler)
        self.run()
        self._lite.call("StopProfiler", self._profiler)
        count = ctypes.c_int()
        self._lite.call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * (SPARE * max(1, count.value)))()
        self._lite.call("GetProfilerEvents", self._profiler, count, events)
        return [
            (event.tag.decode("utf-8", "replace"), event.elapsed_us)
            for event in events[: count.value]
            if event.type in OPERATOR_EVENTS
        ]


def main(source: BinaryIO, sink: BinaryIO) -> None:
    """Read an order as `operators.Profiler` writes it, profile, and print the JSON."""
    order = json.loads(source.readline())
    inputs = [source.read(size) for size in order["input_bytes"]]
    model = _Model(order["model"], order["threads"])
    model.load(inputs)
    for _ in range(order["warm_up"]):
        model.run()
    profiles, longest_ns = [], []
    for _ in range(order["runs"]):
        start = time.monotonic_ns()
        profiles.append(model.profile())
        longest_ns.append(time.monotonic_ns() - start)
    times = [asdict(each) for each in median_of(profiles)]
    sink.write(json.dumps({"whole_nanoseconds": max(longest_ns), "operators": times}).encode())
    sink.flush()
    sys.stderr.flush()
    os._exit(0)  # without the destructors of a library that may be at odds with us
