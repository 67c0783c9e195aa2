"""Straight code on a core that issues in order, one or two instructions in a cycle.

A scoreboard: an instruction waits until its operands are there, and may share the cycle of the one
before it where the core's rule allows and it needs nothing of it. Nothing is waiting when a block
begins, and caches and buses never keep the core waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.device.emulator.registers import Registers, registers
from edgeprune.device.emulator.thumb import Instruction


@dataclass(frozen=True)
class Pipeline:
    """How a core issues.

    busy      cycles for which an instruction keeps others out; with more than 1 it never shares a cycle
    latency   cycles from issue until another instruction can take the result
    early     cycles that addresses of memory are needed before other operands
    may_pair  whether the second can issue in the cycle of the first, if it needs nothing of it
    """

    busy: Callable[[Instruction], int]
    latency: Callable[[Instruction], int]
    early: int
    may_pair: Callable[[Instruction, Instruction], bool]

    def straight(self, found: list[Instruction]) -> int:
        """Cycles of straight code."""
        ready = [0] * 16
        clock = 0  # the first cycle with nothing in it yet
        mate: tuple[Instruction, Registers] | None = None  # alone in the cycle before `clock`
        for instruction in found:
            used = registers(instruction)
            earliest = self._earliest(used, ready)
            if mate and earliest < clock and self._pairs(mate, instruction, used):
                issued, mate = clock - 1, None
            else:
                issued = max(clock, earliest)
                busy = self.busy(instruction)
                clock = issued + busy
                mate = (instruction, used) if busy == 1 else None
            for number in used.writes:
                ready[number] = issued + self.latency(instruction)
        return clock

    def _earliest(self, used: Registers, ready: list[int]) -> int:
        waits = [ready[number] for number in used.reads]
        waits += [ready[number] + self.early for number in used.addresses if ready[number]]
        waits += [ready[number] - 1 for number in used.added]
        return max(waits, default=0)

    def _pairs(self, mate: tuple[Instruction, Registers], instruction: Instruction, used: Registers) -> bool:
        first, written = mate[0], mate[1].writes
        touched = used.reads | used.addresses | used.added | used.writes
        return not touched & written and self.busy(instruction) == 1 and self.may_pair(first, instruction)
