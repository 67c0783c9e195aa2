"""Cycles of a Cortex-M33: a coarse model, not a measurement.

Its Technical Reference Manual (100230) was not at hand, and is not known to hold a table of timings.
Source:  the account of its pipeline at elektroniknet.de, "Cortex-M23 und M33 sind erste ARMv8-M-CPUs",
         page 3: three stages, addresses made and branches decided in the second, complex arithmetic (SIMD,
         multiply-accumulate, division) in the third; Thumb-16 instructions and branches issue in pairs.
         What that leaves open is as in cycles_m4.py (DDI 0439, section 3.3)
Assumes: memory without wait states, no bus contention, no interrupt
Choices:
  - two 16-bit instructions pair, and a 16-bit one with a branch behind it, where at most one of them goes
    to memory and none multiplies; neither uses what the other writes
  - loads and multiplies give their result a cycle later to all but the addition of a multiply
  - transfers of N registers take N cycles, a division 11, a taken branch one more where it is fixed and two
    where its address is computed
"""

from edgeprune.device.emulator import cycles_m4
from edgeprune.device.emulator.cycles import CycleModel
from edgeprune.device.emulator.issue import Pipeline
from edgeprune.device.emulator.thumb import Instruction, Kind

_BUSY = {Kind.DIVIDE: 11, Kind.SYSTEM: 2, Kind.FLOAT_MOVE_TWO: 2, Kind.FLOAT_MULTIPLY_ADD: 3}
_BUSY |= {Kind.FLOAT_DIVIDE: 14, Kind.TABLE_BRANCH: 2}
_LATE = (Kind.LOAD, Kind.LOAD_MULTIPLE, Kind.MULTIPLY)
_SIMPLE = (Kind.ALU, Kind.LOAD, Kind.STORE)


def _busy(instruction: Instruction) -> int:
    if instruction.kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
        return max(1, instruction.registers)
    return _BUSY.get(instruction.kind, 1)


def _latency(instruction: Instruction) -> int:
    return _busy(instruction) + (instruction.kind in _LATE)


def _may_pair(first: Instruction, second: Instruction) -> bool:
    if first.size_bytes != 2 or first.kind not in _SIMPLE:
        return False
    if second.kind is Kind.BRANCH:
        return not second.is_call
    goes_to_memory = (first.kind is not Kind.ALU) + (second.kind is not Kind.ALU)
    return second.size_bytes == 2 and second.kind in _SIMPLE and goes_to_memory < 2


PIPELINE = Pipeline(busy=_busy, latency=_latency, early=0, may_pair=_may_pair)
CORTEX_M33 = CycleModel("cortex-m33", PIPELINE.straight, cycles_m4.refill, cycles_m4.landing)
