"""One small network as a program for this computer, built once; and runners of it that serve."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ops.test_dsp import addition, convolution, dense

from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.link import SerialLink
from edgeprune.device.native import Native, build_native
from edgeprune.device.session import Session
from edgeprune.device.target import find_target
from edgeprune.ops import evaluate, merge
from edgeprune.tflite.graph import Array, QuantGraph

HASH = "0123456789abcdef" * 4
START_S = 20.0


def network() -> QuantGraph:
    """Several inputs and outputs, kernels of every kind."""
    return merge([convolution((8, 8, 16), (24, 3, 3), 1), dense(3, 40, 10), addition(1, 4, 5, 6)])


def inputs_of(graph: QuantGraph, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-128, 128, graph.tensors[i].shape, dtype=np.int8) for i in graph.inputs]


def expected(graph: QuantGraph, inputs: Sequence[Array]) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in evaluate(graph, inputs))


def raw(inputs: Sequence[Array]) -> list[bytes]:
    return [array.tobytes() for array in inputs]


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """The small network for this computer."""
    out = tmp_path_factory.mktemp("native")
    return build_native(network(), find_target("linux"), out, model_sha256=HASH)


@dataclass
class Service:
    """A runner that serves in the folder `state`."""

    program: Path
    state: Path
    process: "subprocess.Popen[bytes]"
    lines: list[SerialLink] = field(default_factory=list)

    @property
    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "health.json").read_text())
        return found

    def line(self) -> SerialLink:
        """A line to it by TCP."""
        port = self.health["listening"][0].removeprefix("tcp:")
        self.lines.append(SerialLink(f"socket://{port}"))
        return self.lines[-1]

    def session(self, number: int = 1) -> Session:
        return Session(self.line(), number)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        for line in self.lines:
            line.close()
        self.process.send_signal(how)
        return self.process.wait(10)


@pytest.fixture
def serve(native: Native, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts runners on TCP, and on what is given besides; they are stopped at the end."""
    started: list[Service] = []

    def start(*listen: str, program: Path = native.elf, **environment: str) -> Service:
        state = tmp_path / f"state{len(started)}"
        command = [str(program), "serve", "--state", str(state)]
        for address in ("tcp:127.0.0.1:0", *listen):
            command += ["--listen", address]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
        service = Service(program, state, process)
        started.append(service)
        deadline = time.monotonic() + START_S
        while not (state / "health.json").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.stop()


@pytest.fixture
def board(native: Native) -> Iterator[ChildBoard]:
    """A runner on standard input and output."""
    child = ChildBoard([str(native.elf), "serve", "--stdio"])
    yield child
    child.close()
