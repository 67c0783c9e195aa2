"""Generated C on a bare virtual core: no runner, no serial line, as much memory as it needs.

For tests, fuzzing and counting: CoreModel compiles a QuantGraph for a core, calls ep_model_run in
Unicorn and counts instructions and cycles by layer. The board that users see is unicorn_board.py's.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.codegen.generate import GeneratedC, generate
from edgeprune.device.cores import CORES
from edgeprune.device.elf import Elf, read_elf
from edgeprune.device.emulator.unicorn_board import Counter, new_machine
from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.errors import BoardError
from edgeprune.memory import plan_memory
from edgeprune.memory.plan import MemoryPlan, Planner
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph

CODE_ADDRESS, CODE_BYTES = 0x0800_0000, 64 << 20
RAM_ADDRESS, RAM_BYTES = 0x2000_0000, 64 << 20
STACK_BYTES = 1 << 16
RETURN_ADDRESS = 0x0700_0000
_LINK_FLAGS = ("-Wl,-e,ep_model_run", "-Wl,--no-gc-sections")
FILL = 0xA5
"""What memory holds before each run: a kernel that reads what nobody wrote gives different bytes."""

_HOOKS = """\
#include "model.h"

__attribute__((noinline)) void ep_layer_begin(uint32_t index)
{
    __asm volatile("" ::"r"(index) : "memory");
}

__attribute__((noinline)) void ep_layer_end(uint32_t index)
{
    __asm volatile("" ::"r"(index) : "memory");
}
"""

_SCRIPT = f"""\
SECTIONS
{{
    . = {CODE_ADDRESS:#x};
    .text : {{ *(.text .text.*) *(.rodata .rodata.*) }}
    . = {RAM_ADDRESS + STACK_BYTES:#x};
    .data : {{ *(.data .data.*) }}
    .bss (NOLOAD) : {{ *(.bss .bss.* COMMON) }}
    /DISCARD/ : {{ *(.debug*) *(.comment) *(.note*) *(.ARM.exidx*) *(.ARM.extab*) *(.eh_frame*) }}
}}
"""


@dataclass(frozen=True)
class LayerCount:
    """What one layer executed; `cycles` is the estimate of the core's cycle model, None without one."""

    name: str
    op: str
    macs: int
    instructions: int
    cycles: int | None


class CoreModel:
    """A network's C on a virtual core; memory and counts are its own.

    `generated` and `plan` are what was compiled, `counts` what the layers of the last counted run did.
    """

    def __init__(
        self,
        graph: QuantGraph,
        goal: Goal,
        toolchain: Toolchain = ZIG,
        planner: Planner = PLANNERS["exact"],
        flags: Sequence[str] = (),
    ) -> None:
        """Compile `graph` for `goal`; raises ModelError or ToolError. `flags` come behind the others."""
        self._graph = graph
        self.plan: MemoryPlan = plan_memory(graph, planner, goal)
        self.generated: GeneratedC = generate(graph, self.plan, name="bare", model_sha256="0" * 64, goal=goal)
        self.elf = _compiled(self.generated, goal.core, toolchain, flags)
        self.counts: tuple[LayerCount, ...] = ()
        self._start(goal.core)

    def _start(self, core: str) -> None:
        import unicorn
        from unicorn import arm_const

        self._registers = arm_const
        self._block_hook = unicorn.UC_HOOK_BLOCK
        self._error = unicorn.UcError
        machine = new_machine(CORES[core])
        self.cycle_model = CORES[core].cycles
        machine.mem_map(CODE_ADDRESS, CODE_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        machine.mem_map(RETURN_ADDRESS, 4096)
        machine.mem_map(RAM_ADDRESS, RAM_BYTES)
        for segment in self.elf.segments:
            machine.mem_write(segment.address, segment.data)
        self._machine: Any = machine
        arena = self.elf.symbols["ep_arena"]
        self._arena = arena.address
        self._inputs = self._places("ep_model_inputs", len(self._graph.inputs))
        self._outputs = self._places("ep_model_outputs", len(self._graph.outputs))
        self.reset()

    def reset(self) -> None:
        """Put the variables to the values that they start with."""
        self._call("ep_model_reset", None)

    def _places(self, table: str, count: int) -> list[int]:
        raw = self._machine.mem_read(self.elf.address(table), 8 * count)
        return [self._arena + int(offset) for offset in np.frombuffer(raw, np.uint32)[::2]]

    def run(self, inputs: Sequence[Array], *, count: bool = False) -> list[Array]:
        """One inference; with `count`, slower, and `counts` is set. BoardError where it crashes.

        Variables keep their values from run to run until `reset`.
        """
        kept = [(self._arena + at, self.fetch(self._arena + at, n)) for at, n in self.generated.variables]
        self._machine.mem_write(self._arena, bytes([FILL]) * self.plan.arena_bytes)
        for address, data in kept:
            self._machine.mem_write(address, data)
        for address, array in zip(self._inputs, inputs, strict=True):
            self._machine.mem_write(address, np.ascontiguousarray(array).tobytes())
        hooks = _LayerHook(self) if count else None
        self._call("ep_model_run", hooks)
        if hooks is not None:
            self.counts = hooks.counts()
        results = []
        for address, index in zip(self._outputs, self._graph.outputs, strict=True):
            tensor = self._graph.tensors[index]
            raw = bytes(self._machine.mem_read(address, tensor.size_bytes))
            results.append(np.frombuffer(raw, DTYPES[tensor.dtype]).reshape(tensor.shape))
        return results

    def _call(self, function: str, hooks: "_LayerHook | None") -> None:
        machine, registers = self._machine, self._registers
        machine.reg_write(registers.UC_ARM_REG_SP, RAM_ADDRESS + STACK_BYTES)
        machine.reg_write(registers.UC_ARM_REG_LR, RETURN_ADDRESS | 1)
        handle = machine.hook_add(self._block_hook, hooks.on_block) if hooks else None
        if handle is not None:
            machine.ctl_remove_cache(CODE_ADDRESS, CODE_ADDRESS + CODE_BYTES)
        try:
            machine.emu_start(self.elf.address(function) | 1, RETURN_ADDRESS)
        except self._error as error:
            pc = machine.reg_read(registers.UC_ARM_REG_PC)
            raise BoardError(f"{function} crashed at pc {pc:#010x}: {error}") from error
        finally:
            if handle is not None:
                machine.hook_del(handle)
                machine.ctl_remove_cache(CODE_ADDRESS, CODE_ADDRESS + CODE_BYTES)

    def fetch(self, address: int, size_bytes: int) -> bytes:
        """Bytes of the machine's memory."""
        return bytes(self._machine.mem_read(address, size_bytes))


class _LayerHook:
    """Counts the blocks between the hooks around each layer, those of the hooks themselves not."""

    def __init__(self, model: CoreModel) -> None:
        self._layers = model.generated.layers
        self._begin = model.elf.address("ep_layer_begin") & ~1
        self._end = model.elf.address("ep_layer_end") & ~1
        self._counters = [Counter(model.fetch, model.cycle_model) for _ in self._layers]
        self._next = 0
        self._current: Counter | None = None
        self._in_begin = False

    def on_block(self, _machine: Any, address: int, size: int, _data: object) -> None:
        """Called before each block runs."""
        if address == self._begin:
            self._in_begin = True
            return
        if address == self._end:
            self._current = None
            return
        if self._in_begin:
            self._in_begin = False
            self._current = self._counters[self._next]
            self._next += 1
        counter = self._current
        if counter is None:
            return
        if not counter.knows(address, size):
            counter.describe(address, size)
        edge = (counter.previous, address)
        counter.edges[edge] = counter.edges.get(edge, 0) + 1
        counter.previous = address

    def counts(self) -> tuple[LayerCount, ...]:
        """One for each layer, in running order."""
        totals = [counter.totals() for counter in self._counters]
        return tuple(
            LayerCount(layer.name, layer.op, layer.macs, *total)
            for layer, total in zip(self._layers, totals, strict=True)
        )


def _compiled(generated: GeneratedC, core: str, toolchain: Toolchain, flags: Sequence[str]) -> Elf:
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
        work = Path(temporary)
        for name, text in {**generated.files, "hooks.c": _HOOKS, "bare.ld": _SCRIPT}.items():
            (work / name).write_text(text, encoding="utf-8")
        names = sorted(path.name for path in work.glob("*.c"))
        command = (*toolchain.flags(core), *flags, *toolchain.link_flags, *_LINK_FLAGS, "-I.")
        toolchain.run((*command, *names, "-Wl,-T,bare.ld", "-o", "bare.elf"), work)
        return read_elf(work / "bare.elf")
