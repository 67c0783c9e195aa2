"""Releases for tests, and runners that serve them as processes of their own."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.tflite_writer import write
from support.tools import require_module

from edgeprune import __version__
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.link import SerialLink
from edgeprune.ops.builder import Step, activation, network, one_op, per_tensor, variable
from edgeprune.runner.linux.release import DESCRIPTION, MODEL, SUMS, sums_of
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ArithmeticOptions

ROOT = Path(__file__).resolve().parents[2]
HASH = "0123456789abcdef"
WAIT_S = 30.0
SHAPE = (1, 40, 40, 1)  # 1600 bytes: more than one line


def sum_of_two() -> QuantGraph:
    """The sum of two images: the order of inputs matters, and each takes two lines."""
    images = activation(SHAPE, 0.1, 3), activation(SHAPE, 0.07, -20)
    return one_op("ADD", images, activation(SHAPE, 0.15, 5), ArithmeticOptions())


def accumulator() -> QuantGraph:
    """y = x + state; state = y."""
    x, y, old = (activation((1, 4), 0.1, 3) for _ in range(3))
    state = variable(np.full((1, 4), 9, np.int8), "sum", per_tensor(0.1, 3))
    steps = [
        Step("READ_VARIABLE", [state], [old]),
        Step("ADD", [x, old], [y], ArithmeticOptions()),
        Step("ASSIGN_VARIABLE", [y], [state]),
    ]
    return network(steps, [x], [y])


def make_release(folder: Path, graph: QuantGraph, **changes: Any) -> Path:
    """A release of `graph` in `folder`, without the installer."""
    require_module("ai_edge_litert")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(write(graph))
    described = {
        "schema": 1,
        "target": "linux",
        "machine": "x86_64",
        "runtime": "litert",
        "edgeprune": __version__,
        "model_hash": HASH,
        "glibc": "2.27",
        "python": "3.10",
        "layers": [],
    }
    (folder / DESCRIPTION).write_text(json.dumps(described | changes), encoding="utf-8")
    (folder / SUMS).write_bytes(sums_of(folder, [MODEL, DESCRIPTION]))
    return folder


def litert(folder: Path, inputs: list[bytes]) -> list[bytes]:
    """What LiteRT itself makes of raw inputs."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(folder / MODEL), num_threads=1)
    interpreter.allocate_tensors()
    for place, data in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(place["index"], np.frombuffer(data, place["dtype"]).reshape(place["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(place["index"]).tobytes() for place in interpreter.get_output_details()]


def command(*arguments: object) -> list[str]:
    """The runner's command line."""
    return [sys.executable, "-m", "edgeprune.runner.linux", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """For the runner: our sources, and nothing that a test did not ask for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EDGEPRUNE", "NOTIFY"))}
    return {**kept, "PYTHONPATH": str(ROOT), "EDGEPRUNE_THREADS": "1", **more}


class StdioRunner(ChildBoard):
    """A Link to a runner on its standard input and output."""

    def __init__(self, release: Path, *arguments: object) -> None:
        super().__init__(command("serve", "--stdio", "--release", release, *arguments))


@dataclass
class Service:
    """A runner that listens, until `stop`."""

    release: Path
    state: Path
    listen: tuple[str, ...] = ("tcp:127.0.0.1:0",)
    more: tuple[object, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> "Service":
        """Start it, and wait until it serves."""
        self.state.mkdir(parents=True, exist_ok=True)
        ways = [word for address in self.listen for word in ("--listen", address)]
        with (self.state / "runner.log").open("ab") as log:
            self.process = subprocess.Popen(
                command("serve", "--release", self.release, "--state", self.state, *ways, *self.more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**self.variables),
            )
        deadline = time.monotonic() + WAIT_S
        while (self.health or {}).get("pid") != self.process.pid:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)
        return self

    @property
    def health(self) -> dict[str, Any] | None:
        """What the runner says of itself; None where it says nothing."""
        try:
            found: dict[str, Any] = json.loads((self.state / "health.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return found

    @property
    def log(self) -> str:
        return (self.state / "runner.log").read_text("utf-8", errors="replace")

    @property
    def port(self) -> int:
        """The port of the first TCP address."""
        assert self.health is not None
        return int(self.health["listening"][0].rpartition(":")[2])

    def connect(self) -> SerialLink:
        """A line to the runner, as the host opens one."""
        return SerialLink(f"socket://127.0.0.1:{self.port}")

    def raw(self) -> socket.socket:
        """A connection without anything on top."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)

    def stop(self, *, kill: bool = False) -> int:
        """End it; its exit status."""
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        return self.process.wait(WAIT_S)


def read_line(line: socket.socket) -> bytes:
    """The next line that arrives."""
    data = b""
    while not data.endswith(b"\n"):
        piece = line.recv(1)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def read_file(file: int, timeout_s: float) -> bytes:
    """What a file gives within the time."""
    ready, _, _ = select.select([file], [], [], timeout_s)
    return os.read(file, 65536) if ready else b""
