"""From machine code to cycles by the model of a core: what all models share.

A CycleModel says what one instruction takes where code runs straight, and what a taken branch adds.
Nothing here knows values of registers, so what depends on them (divisions, early termination) is
fixed by each model, and said in its file. CYCLES.md says what all of them leave out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.device.emulator.thumb import PC, Instruction, Kind, decode_block

WORD_BYTES = 4


@dataclass(frozen=True)
class Block:
    """A piece of straight code: what it takes when it falls through, and the refill when it branches."""

    instructions: int
    cycles: int
    refill: int


@dataclass(frozen=True)
class CycleModel:
    """The timing of a core.

    straight  cycles of straight code, where no branch is taken
    refill    what a taken branch adds, by the instruction that branches; 0 where none can
    landing   what it adds besides, by the address and the first halfword of the code it goes to
    """

    name: str
    straight: Callable[[list[Instruction]], int]
    refill: Callable[[Instruction], int]
    landing: Callable[[int, int], int]


def read_block(code: bytes, model: CycleModel | None, flash_wait_states: int = 0) -> Block:
    """Instructions and cycles of the straight code in `code`; no cycles without a model."""
    found = decode_block(code)
    if not found or model is None:
        return Block(len(found), 0, 0)
    cycles = model.straight(found) + flash_wait_states * _flash_reads(found)
    refill = model.refill(found[-1])
    return Block(len(found), cycles, refill + flash_wait_states if refill else 0)


def _flash_reads(found: list[Instruction]) -> int:
    """Loads relative to the program counter, which read flash and wait for it."""
    return sum(instruction.kind is Kind.LOAD and PC in instruction.reads for instruction in found)


def sum_of(cost: Callable[[Instruction, Instruction | None], int]) -> Callable[[list[Instruction]], int]:
    """Straight code as the sum of what each instruction costs after the one before it."""

    def straight(found: list[Instruction]) -> int:
        return sum(cost(one, before) for one, before in zip(found, [None, *found[:-1]], strict=True))

    return straight


def no_landing(address: int, first: int) -> int:
    """A branch costs the same wherever it goes."""
    return 0
