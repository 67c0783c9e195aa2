"""Cycles of a Cortex-M4 by its documented timing: a model, not a measurement.

Source:  Arm, "Cortex-M4 Processor Technical Reference Manual" (DDI 0439), section 3.3, "Instruction
         set summary" and "Load/store timings", and 7.2.3 for the FPU
Assumes: memory without wait states, no bus contention, no interrupt
Choices: where the manual gives a range
  - P, the refill after a taken branch (1 to 3): 1 to a fixed address, which the core can fetch early;
    2 to an address that comes from a register or from memory; 1 more where the target is a 32-bit
    instruction that is not word-aligned
  - a division (2 to 12) takes 12; the operands are not known here
  - consecutive single loads pipeline (N take N + 1) where the later address does not wait for the
    earlier load; a load straight after a store, and stores with a register offset, do not
  - an instruction of an IT block counts as executed; IT itself takes 1 (the core may fold it)
"""

from functools import cache

from edgeprune.device.emulator.cycles import WORD_BYTES, CycleModel, sum_of
from edgeprune.device.emulator.thumb import Instruction, Kind, size_bytes

_FIXED = {
    Kind.ALU: 1,
    Kind.MULTIPLY: 1,
    Kind.BARRIER: 1,
    Kind.DIVIDE: 12,
    Kind.SYSTEM: 2,
    Kind.FLOAT: 1,
    Kind.FLOAT_MOVE_TWO: 2,
    Kind.FLOAT_MULTIPLY_ADD: 3,
    Kind.FLOAT_DIVIDE: 14,
    Kind.TABLE_BRANCH: 2,
    Kind.BRANCH: 1,
    Kind.BRANCH_REGISTER: 1,
}
REFILL_FIXED = 1
REFILL_COMPUTED = 2
REFILL_MISALIGNED = 1


@cache
def landing(address: int, first: int) -> int:
    """What a branch to `address` costs more because of the instruction there, `first` its halfword."""
    return REFILL_MISALIGNED if address % WORD_BYTES and size_bytes(first) == WORD_BYTES else 0


def _cycles(instruction: Instruction, before: Instruction | None) -> int:
    kind = instruction.kind
    if kind in _FIXED:
        return _FIXED[kind]
    if kind is Kind.LOAD:
        return 1 if _follows_in_pipeline(instruction, before) else 2
    if kind is Kind.STORE:
        return 2 if instruction.is_indexed else 1
    return 1 + instruction.registers


def _follows_in_pipeline(load: Instruction, before: Instruction | None) -> bool:
    if before is None or before.kind is not Kind.LOAD or load.loads_pc:
        return False
    return before.loaded is None or before.loaded not in load.reads


def refill(last: Instruction) -> int:
    """What `last` adds when it branches."""
    if last.kind is Kind.BRANCH:
        return REFILL_FIXED
    if last.kind in (Kind.BRANCH_REGISTER, Kind.TABLE_BRANCH) or last.loads_pc:
        return REFILL_COMPUTED
    return 0


CORTEX_M4 = CycleModel("cortex-m4", sum_of(_cycles), refill, landing)
