"""Which core registers a Thumb instruction reads and writes, as far as pipelines wait for them.

From the same encodings as thumb.py. Flags and floating point registers are left out.
"""

from dataclasses import dataclass

from edgeprune.device.emulator.thumb import Instruction, Kind

_NO_RESULT_16 = (8, 10, 11)  # TST, CMP, CMN
_ONE_OPERAND_16 = (9, 15)  # RSB, MVN
_NO_OPERAND, _KEEP_A_PART = (4, 12), (12, 22)  # MOVW, MOVT; MOVT, BFI
SP, LR = 13, 14
_TRANSFERS = (Kind.LOAD, Kind.STORE, Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE)


@dataclass(frozen=True)
class Registers:
    """Sets of register numbers; `addresses` are needed before a memory access, `added` last in a multiply."""

    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    addresses: frozenset[int] = frozenset()
    added: frozenset[int] = frozenset()


def registers(instruction: Instruction) -> Registers:
    """What `instruction` reads and writes."""
    if instruction.size_bytes == 2:
        return _of_16(instruction)
    return _of_32(instruction)


def _sets(
    reads: tuple[int, ...] = (),
    writes: tuple[int, ...] = (),
    addresses: tuple[int, ...] = (),
    added: tuple[int, ...] = (),
) -> Registers:
    return Registers(
        frozenset(reads), frozenset(writes) - {15}, frozenset(addresses) - {15}, frozenset(added)
    )


def _listed(mask: int) -> tuple[int, ...]:
    return tuple(number for number in range(16) if mask >> number & 1)


def _of_16(instruction: Instruction) -> Registers:
    word = instruction.first
    low, middle, high, wide = word & 7, word >> 3 & 7, word >> 6 & 7, word >> 8 & 7
    if instruction.kind in _TRANSFERS:
        return _transfer_16(instruction, low, wide)
    if word >> 11 == 0b00011:  # ADD, SUB of three
        return _sets((middle,) if word >> 10 & 1 else (middle, high), (low,))
    if word >> 13 == 0b000:
        return _sets((middle,), (low,))
    if word >> 13 == 0b001:  # MOV, CMP, ADD, SUB with an immediate
        operation = word >> 11 & 3
        return _sets((wide,) if operation else (), () if operation == 1 else (wide,))
    if word >> 10 == 0b010000:
        operation = word >> 6 & 15
        reads = (middle,) if operation in _ONE_OPERAND_16 else (low, middle)
        return _sets(reads, () if operation in _NO_RESULT_16 else (low,))
    if word >> 10 == 0b010001:
        destination = (word >> 4 & 8) | low
        operation = word >> 8 & 3
        source = word >> 3 & 15
        if operation == 3:
            return _sets((source,))
        return _sets(
            (source,) if operation == 2 else (source, destination), () if operation == 1 else (destination,)
        )
    if word >> 12 == 0b1010:
        return _sets((SP,) if word >> 11 & 1 else (), (wide,))
    if word >> 8 == 0xB0:
        return _sets((SP,), (SP,))
    if word >> 8 in (0xB2, 0xBA):  # extensions, reversals
        return _sets((middle,), (low,))
    return _sets()


def _transfer_16(instruction: Instruction, low: int, wide: int) -> Registers:
    word = instruction.first
    is_load = instruction.kind in (Kind.LOAD, Kind.LOAD_MULTIPLE)
    if instruction.kind in (Kind.LOAD, Kind.STORE):
        one = (wide,) if word >> 12 in (0b0100, 0b1001) else (low,)
        return _sets(() if is_load else one, one if is_load else (), instruction.reads)
    is_stack = word >> 12 == 0b1011
    base = SP if is_stack else wide
    moved = _listed(word & 0xFF)
    if is_stack and not is_load and word >> 8 & 1:
        moved = (*moved, LR)
    return _sets(() if is_load else moved, (*moved, base) if is_load else (base,), (base,))


def _of_32(instruction: Instruction) -> Registers:
    first, second = instruction.first, instruction.second
    kind = instruction.kind
    base, top, middle, low = first & 15, second >> 12, second >> 8 & 15, second & 15
    if kind in _TRANSFERS:
        return _transfer_32(instruction)
    if kind in (Kind.MULTIPLY, Kind.DIVIDE):
        if first >> 7 & 1:  # long: the result is in two registers, and added to where they are read
            is_added = kind is Kind.MULTIPLY and first >> 4 & 7 not in (0, 2)
            return _sets((base, low), (top, middle), (), (top, middle) if is_added else ())
        return _sets((base, low), (middle,), (), () if top == 15 else (top,))
    if first >> 9 == 0b1110101:  # data processing of registers
        return _sets((base, low), (middle,))
    if first >> 11 == 0b11110 and not second >> 15:
        operation = first >> 4 & 0x1F if first >> 9 & 1 else None
        reads: tuple[int, ...] = () if operation in _NO_OPERAND else (base,)
        return _sets((*reads, middle) if operation in _KEEP_A_PART else reads, (middle,))
    if first >> 8 == 0xFA:
        return _sets((base, low), (middle,))
    return _sets()


def _transfer_32(instruction: Instruction) -> Registers:
    first, second = instruction.first, instruction.second
    base = first & 15
    is_load = instruction.kind in (Kind.LOAD, Kind.LOAD_MULTIPLE)
    if first >> 10 & 1 and first >> 11 & 3 != 3:  # floating point registers
        return _sets((), (), (base,))
    if instruction.kind in (Kind.LOAD, Kind.STORE):
        moved: tuple[int, ...] = (second >> 12,)
        updates = first >> 9 == 0b1111100 and not first >> 7 & 1 and second & 0x900 == 0x900
    else:
        is_dual = bool(first >> 6 & 1)
        moved = (second >> 12, second >> 8 & 15) if is_dual else _listed(second)
        updates = bool(first >> 5 & 1)
    written = moved if is_load else ()
    return _sets(
        () if is_load else moved,
        (*written, base) if updates else written,
        instruction.reads or (base,),
    )
