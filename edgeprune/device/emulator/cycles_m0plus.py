"""Cycles of a Cortex-M0+ by its documented timing: a model, not a measurement.

Source:  Arm, "Cortex-M0+ Technical Reference Manual" (DDI 0484C), section 3.3, table 3.1,
         "Cortex-M0+ instruction summary"
Assumes: memory without wait states, no bus contention, no interrupt; loads and stores over AHB
         (2 cycles), not over the single-cycle I/O port (1)
Choices: where the manual leaves one
  - MULS takes 1 or 32 cycles by the implementation: SLOW_MULTIPLY is the small one; parts on sale
    (STM32G0 and L0, RP2040, SAMD21) have the fast one, and so has the virtual board
  - two-stage pipeline: a taken branch takes 2 in all, BL 3, BX and BLX 2
"""

from edgeprune.device.emulator.cycles import CycleModel, no_landing, sum_of
from edgeprune.device.emulator.thumb import Instruction, Kind

_FIXED = {
    Kind.ALU: 1,
    Kind.MULTIPLY: 1,
    Kind.SYSTEM: 3,
    Kind.BARRIER: 3,
    Kind.LOAD: 2,
    Kind.STORE: 2,
    Kind.BRANCH: 1,
    Kind.BRANCH_REGISTER: 1,
}
SLOW_MULTIPLY = 32


def _cycles(instruction: Instruction, before: Instruction | None) -> int:
    # A core of this kind has nothing else: the default is for what is not its instruction.
    if instruction.kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
        return 1 + instruction.registers
    return _FIXED.get(instruction.kind, 1)


def _cycles_small(instruction: Instruction, before: Instruction | None) -> int:
    return SLOW_MULTIPLY if instruction.kind is Kind.MULTIPLY else _cycles(instruction, before)


def refill(last: Instruction) -> int:
    """What `last` adds when it branches."""
    if last.kind is Kind.BRANCH:
        return 2 if last.is_call else 1
    if last.kind is Kind.BRANCH_REGISTER:
        return 1
    return 2 if last.loads_pc else 0  # POP with the program counter: 3 + N, not 1 + N


CORTEX_M0PLUS = CycleModel("cortex-m0plus", sum_of(_cycles), refill, no_landing)
CORTEX_M0PLUS_SMALL = CycleModel("cortex-m0plus, small multiplier", sum_of(_cycles_small), refill, no_landing)
