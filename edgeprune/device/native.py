"""A network as a program for Linux: the generated C and a runner in one static ELF, which needs nothing else.

The same C runs on a microcontroller; here its kernels are those for the core's NEON, its line is a pipe, TCP
or a serial device, and its clock counts nanoseconds. It computes on one core: networks of this size are
done before a second thread would have been woken.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from edgeprune.artifact import write_atomic
from edgeprune.codegen.generate import LayerInfo, generate
from edgeprune.device.firmware import runner_files
from edgeprune.device.target import Target
from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.build import compile_sources
from edgeprune.errors import UsageError
from edgeprune.memory.order import plan_reordered
from edgeprune.memory.plan import MemoryPlan
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops.cores import Goal, Optimize
from edgeprune.tflite.graph import QuantGraph

RUNNER = "runner"
"""The program's name in a release."""
LINK_FLAGS = ("-static", "-s", "-Wl,--gc-sections", "-Wl,--build-id=none")


@dataclass(frozen=True)
class Native:
    """A program that serves a network; `constant_bytes` are its weights and tables."""

    elf: Path
    layers: tuple[LayerInfo, ...]
    plan: MemoryPlan
    constant_bytes: int

    @property
    def size_bytes(self) -> int:
        """Of the program's file."""
        return self.elf.stat().st_size


def build_native(
    graph: QuantGraph,
    target: Target,
    out: Path,
    *,
    model_sha256: str,
    optimize: Optimize = "speed",
    toolchain: Toolchain = ZIG,
) -> Native:
    """Compile `graph` for a Linux `target` to `out`/runner; its C is left in `out`/src.

    Raises ModelError for what cannot be compiled, UsageError for another kind of target, ToolError and
    NotFoundError of the toolchain.
    """
    if target.kind != "linux":
        raise UsageError(f"{target.name} is no Linux target", hint="compile_firmware is for the others")
    goal = Goal(target.core, optimize)
    graph, plan = plan_reordered(graph, PLANNERS["exact"], goal)
    generated = generate(graph, plan, name=target.name, model_sha256=model_sha256, goal=goal)
    sources = out / "src"
    shutil.rmtree(sources, ignore_errors=True)  # of another network: all C that is there is compiled
    for name, text in {**generated.files, **runner_files(target)}.items():
        write_atomic(sources / name, text)
    return Native(
        compile_native(sources, target, out, toolchain, optimize),
        generated.layers,
        plan,
        generated.constant_bytes,
    )


def compile_native(
    sources: Path, target: Target, out: Path, toolchain: Toolchain = ZIG, optimize: Optimize = "speed"
) -> Path:
    """Compile every .c file of `sources` into the static program `out`/runner."""
    return compile_sources(sources, target.core, out / RUNNER, toolchain, optimize, (*LINK_FLAGS, "-lm"))
