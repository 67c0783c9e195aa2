"""Generated C on QEMU's Cortex-M55 (Unicorn has none), without the runner: outputs and counts by layer."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.codegen.generate import generate
from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.memory import plan_memory
from edgeprune.memory.plan import Planner
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph
from support.tools import require_tool

FOLDER = Path(__file__).parent
CORE = "cortex-m55"
FASTEST = Goal(CORE, "speed")
TICK_INSTRUCTIONS = 31.25
"""SysTick counts at 32 MHz, an instruction takes a nanosecond."""


class HeliumModel:
    """A network's C, compiled in `folder`; `counts` are instructions of the last run's layers, to a tick."""

    def __init__(
        self,
        graph: QuantGraph,
        folder: Path,
        goal: Goal = FASTEST,
        toolchain: Toolchain = ZIG,
        planner: Planner = PLANNERS["by_size"],
    ) -> None:
        """Compile `graph`; skips the test where there is no QEMU."""
        self._qemu = require_tool("qemu-system-arm")
        self._graph = graph
        self._folder = folder
        self.counts: tuple[float, ...] = ()
        self.plan = plan_memory(graph, planner, goal)
        self.generated = generate(graph, self.plan, name="helium", model_sha256="0" * 64, goal=goal)
        for name, text in self.generated.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in ("helium.c", "helium.ld"):
            shutil.copy(FOLDER / name, folder)
        flags = toolchain.flags(CORE)
        names = sorted(path.name for path in folder.glob("*.c"))
        link = (*toolchain.link_flags, "-Wl,-e,reset", "-Wl,-T,helium.ld")
        toolchain.run((*flags, "-I.", *names, *link, "-o", "helium.elf"), folder)

    def run(self, runs: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """The outputs of each run."""
        data = b"".join(np.ascontiguousarray(array).tobytes() for inputs in runs for array in inputs)
        (self._folder / "inputs.bin").write_bytes(struct.pack("<I", len(runs)) + data)
        command = [self._qemu, "-M", "mps3-an547", "-icount", "shift=0", "-nographic", "-monitor", "none"]
        command += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
        done = subprocess.run(
            [*command, "-kernel", "helium.elf"],
            cwd=self._folder,
            capture_output=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, (done.returncode, done.stderr[-500:])
        return self._read((self._folder / "outputs.bin").read_bytes(), len(runs))

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
            layers = len(self.generated.layers)
            self.counts = tuple(TICK_INSTRUCTIONS * c for c in struct.unpack_from(f"<{layers}I", raw, at))
            at += 4 * layers
        assert at == len(raw)
        return results
