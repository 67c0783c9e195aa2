"""Generated C on an emulated 64-bit Arm core, without the runner: outputs, and instructions by layer."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeprune.codegen.generate import generate
from edgeprune.device.emulator import pi_count
from edgeprune.device.toolchain import ZIG
from edgeprune.memory import plan_memory
from edgeprune.memory.live import live_ranges
from edgeprune.memory.plan import Planner
from edgeprune.memory.planners import PLANNERS
from edgeprune.memory.slim import ALIGN_BYTES
from edgeprune.ops import bind
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph
from support.tools import require_tool

FOLDER = Path(__file__).parent
CORES = ("cortex-a72", "cortex-a76")
PROGRAM = "model"
MARK_INSTRUCTIONS = 20
"""Of a mark's own, at most: they are in what is counted."""


def emulator(core: str) -> list[str]:
    """The command that runs a program on `core`; skips the test where there is no QEMU."""
    return [require_tool("qemu-aarch64"), "-cpu", core]


class ArmModel:
    """A network's C, compiled in `folder` for `goal`."""

    def __init__(
        self,
        graph: QuantGraph,
        folder: Path,
        goal: Goal,
        planner: Planner = PLANNERS["by_size"],
        picks: Mapping[int, str] | None = None,
    ) -> None:
        """`picks` names variants, by position of the node, whatever the goal would have."""
        self._emulator = emulator(goal.core)
        self._graph = graph
        self._folder = folder
        self.plan = plan_memory(graph, planner, goal)
        if picks is not None:
            live = live_ranges(graph, bind(graph), goal, picks)
            self.plan = replace(planner.plan(live.buffers, ALIGN_BYTES), picks=picks)
        self.generated = generate(graph, self.plan, name="arm", model_sha256="0" * 64, goal=goal)
        for name, text in self.generated.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        shutil.copy(FOLDER / "aarch64.c", folder)
        names = sorted(path.name for path in folder.glob("*.c"))
        flags = ZIG.flags(goal.core)
        ZIG.run((*flags, "-I.", *names, "-static", "-s", "-lm", "-o", PROGRAM), folder)

    def run(self, runs: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """The outputs of each run."""
        command = [*self._emulator, str(self._folder / PROGRAM)]
        done = subprocess.run(command, input=_bytes(runs), capture_output=True, timeout=600, check=False)
        assert done.returncode == 0, (done.returncode, done.stderr[-500:])
        return self._read(done.stdout, len(runs))

    def counts(self, inputs: Sequence[Array]) -> list[int]:
        """The instructions of each layer in one run, those of its marks among them."""
        command = [*self._emulator, str(self._folder / PROGRAM), "count"]
        found = pi_count.count(command, os.environ, stdin=_bytes([inputs]))
        return found[::2]

    def _read(self, raw: bytes, runs: int) -> list[list[Array]]:
        at = 0
        results: list[list[Array]] = []
        for _ in range(runs):
            results.append([])
            for index in self._graph.outputs:
                tensor = self._graph.tensors[index]
                array = np.frombuffer(raw[at : at + tensor.size_bytes], DTYPES[tensor.dtype])
                results[-1].append(array.reshape(tensor.shape))
                at += tensor.size_bytes
        assert at == len(raw)
        return results


def _bytes(runs: Sequence[Sequence[Array]]) -> bytes:
    return b"".join(np.ascontiguousarray(array).tobytes() for inputs in runs for array in inputs)
