"""Cycles of a Cortex-M7: a coarse model, not a measurement. Coarser than those of the other cores.

Its Technical Reference Manual (DDI 0489) was not at hand; those who measured the core (quinapalus.com,
"Cortex-M7 instruction cycle counts") say that Arm publishes no timings of it.
Source:  the units, latencies and limits of dual issue that LLVM schedules by (ARMScheduleM7.td)
Assumes: caches that always hit, or tightly coupled memory; every branch predicted; no interrupt
Choices:
  - a cycle has room for two of: two simple operations, two loads, one store, one multiply, one branch;
    SIMD operations, extensions and bit fields (one unit) only come first of two
  - a word that is loaded can be used in the next cycle, a byte or halfword one later; a multiply likewise,
    except as what another adds to; addresses are needed a cycle before other operands
  - transfers of N registers take N / 2 cycles (64-bit buses), alone; a division 7, alone
  - a taken branch costs 1 more, 2 where its address is computed; floating point as on the M4, alone
"""

from edgeprune.device.emulator import cycles_m4
from edgeprune.device.emulator.cycles import CycleModel, no_landing
from edgeprune.device.emulator.issue import Pipeline
from edgeprune.device.emulator.thumb import Instruction, Kind

_BUSY = {Kind.DIVIDE: 7, Kind.SYSTEM: 3, Kind.BARRIER: 3, Kind.TABLE_BRANCH: 2}
_BUSY |= {Kind.FLOAT_MOVE_TWO: 2, Kind.FLOAT_MULTIPLY_ADD: 3, Kind.FLOAT_DIVIDE: 14}
_PAIRED = (Kind.ALU, Kind.LOAD, Kind.STORE, Kind.MULTIPLY, Kind.BRANCH, Kind.BRANCH_REGISTER)
_ONE_OF_TWO = (Kind.STORE, Kind.MULTIPLY, Kind.BRANCH, Kind.BRANCH_REGISTER)


def _busy(instruction: Instruction) -> int:
    if instruction.kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
        return max(1, (instruction.registers + 1) // 2)
    return _BUSY.get(instruction.kind, 1)


def _latency(instruction: Instruction) -> int:
    is_slow = instruction.kind is Kind.MULTIPLY or (instruction.kind is Kind.LOAD and not instruction.is_word)
    return _busy(instruction) + is_slow


def _is_special(instruction: Instruction) -> bool:
    """SIMD, extensions and bit fields."""
    if instruction.kind is not Kind.ALU:
        return False
    if instruction.size_bytes == 2:
        return instruction.first >> 8 in (0xB2, 0xBA)
    return instruction.first >> 8 == 0xFA or instruction.first >> 7 == 0b111100110


def _may_pair(first: Instruction, second: Instruction) -> bool:
    if first.kind not in _PAIRED or second.kind not in _PAIRED:
        return False
    if first.kind in _ONE_OF_TWO and first.kind is second.kind:
        return False
    return not _is_special(second)


PIPELINE = Pipeline(busy=_busy, latency=_latency, early=1, may_pair=_may_pair)
CORTEX_M7 = CycleModel("cortex-m7", PIPELINE.straight, cycles_m4.refill, no_landing)
