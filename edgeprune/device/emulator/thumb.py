"""What the Thumb instructions of Armv6-M, Armv7E-M and Armv8-M cores are, as far as their timing goes.

A decoder of instruction classes from the encodings (Armv7-M Architecture Reference Manual, DDI 0403,
chapter A5; Armv8-M, DDI 0553, chapter C2.3, for what Armv8-M Mainline adds; no MVE). It names a class and
the registers that matter for pipelining; it is no disassembler.
"""

from dataclasses import dataclass, replace
from enum import Enum


class Kind(Enum):
    """Instructions that take the same time."""

    ALU = "one-cycle integer or DSP"
    MULTIPLY = "multiplies and multiply-accumulates, DSP ones too"
    LOAD = "single load"
    STORE = "single store"
    LOAD_MULTIPLE = "LDM, POP, LDRD, VLDM"
    STORE_MULTIPLE = "STM, PUSH, STRD, VSTM"
    BRANCH = "branch to a fixed address"
    BRANCH_REGISTER = "branch to an address in a register"
    TABLE_BRANCH = "TBB, TBH"
    DIVIDE = "SDIV, UDIV"
    SYSTEM = "MRS, MSR"
    BARRIER = "DMB, DSB, ISB"
    FLOAT = "one-cycle floating point"
    FLOAT_MOVE_TWO = "VMOV of two registers"
    FLOAT_MULTIPLY_ADD = "VMLA, VFMA and their kin"
    FLOAT_DIVIDE = "VDIV, VSQRT"


@dataclass(frozen=True)
class Instruction:
    """One instruction; `registers` moved by a multiple transfer, `reads` its address registers.

    `first` and `second` are its halfwords, `second` 0 where it has one.
    """

    kind: Kind
    size_bytes: int
    registers: int = 1
    loaded: int | None = None
    reads: tuple[int, ...] = ()
    is_indexed: bool = False
    loads_pc: bool = False
    is_call: bool = False
    first: int = 0
    second: int = 0

    @property
    def is_word(self) -> bool:
        """Whether a single load or store moves 32 bits."""
        if self.size_bytes == 4:
            return bool(self.first >> 10 & 1) or self.first >> 5 & 3 == 2
        return (
            self.first >> 12 in (0b0100, 0b1001)
            or self.first >> 11 in (0b01100, 0b01101)
            or (self.first >> 9 in (0b0101000, 0b0101100))
        )


PC = 15


def size_bytes(first: int) -> int:
    """The length of an instruction from its first halfword."""
    return 4 if first >> 11 in (0b11101, 0b11110, 0b11111) else 2


def decode(first: int, second: int) -> Instruction:
    """The instruction that starts with the halfword `first`; `second` counts only for 32-bit ones."""
    if size_bytes(first) == 2:
        return replace(_decode_16(first), first=first)
    return replace(_decode_32(first, second), first=first, second=second)


def decode_block(code: bytes) -> list[Instruction]:
    """All instructions of a straight piece of code."""
    found = []
    at = 0
    while at + 2 <= len(code):
        first = int.from_bytes(code[at : at + 2], "little")
        second = int.from_bytes(code[at + 2 : at + 4], "little")
        found.append(decode(first, second))
        at += found[-1].size_bytes
    return found


def _decode_16(word: int) -> Instruction:
    top5 = word >> 11
    if word >> 6 == 0b0100001101:
        return Instruction(Kind.MULTIPLY, 2)
    if word >> 10 == 0b010001:
        return _special_data(word)
    if top5 == 0b01001:  # LDR (literal)
        return Instruction(Kind.LOAD, 2, loaded=word >> 8 & 7, reads=(PC,))
    if word >> 12 == 0b0101:  # register offset; opcodes 0 to 2 store
        reads = (word >> 3 & 7, word >> 6 & 7)
        if word >> 9 & 7 <= 2:
            return Instruction(Kind.STORE, 2, reads=reads, is_indexed=True)
        return Instruction(Kind.LOAD, 2, loaded=word & 7, reads=reads, is_indexed=True)
    if top5 in (0b01100, 0b01110, 0b10000):
        return Instruction(Kind.STORE, 2, reads=(word >> 3 & 7,))
    if top5 in (0b01101, 0b01111, 0b10001):
        return Instruction(Kind.LOAD, 2, loaded=word & 7, reads=(word >> 3 & 7,))
    if top5 == 0b10010:
        return Instruction(Kind.STORE, 2, reads=(13,))
    if top5 == 0b10011:
        return Instruction(Kind.LOAD, 2, loaded=word >> 8 & 7, reads=(13,))
    if word >> 12 == 0b1011:
        return _miscellaneous_16(word)
    if top5 == 0b11000:
        return Instruction(Kind.STORE_MULTIPLE, 2, registers=(word & 0xFF).bit_count())
    if top5 == 0b11001:
        return Instruction(Kind.LOAD_MULTIPLE, 2, registers=(word & 0xFF).bit_count())
    if top5 == 0b11100 or (word >> 12 == 0b1101 and word >> 9 & 7 != 0b111):  # not SVC, UDF
        return Instruction(Kind.BRANCH, 2)
    return Instruction(Kind.ALU, 2)


def _special_data(word: int) -> Instruction:
    if word >> 8 & 3 == 3:  # BX, BLX
        return Instruction(Kind.BRANCH_REGISTER, 2, is_call=bool(word >> 7 & 1))
    destination = (word >> 4 & 8) | (word & 7)
    writes_pc = destination == PC and word >> 8 & 3 != 1  # CMP writes nothing
    return Instruction(Kind.BRANCH_REGISTER if writes_pc else Kind.ALU, 2)


def _miscellaneous_16(word: int) -> Instruction:
    if word >> 9 & 7 == 0b010:  # PUSH
        return Instruction(Kind.STORE_MULTIPLE, 2, registers=(word & 0x1FF).bit_count())
    if word >> 9 & 7 == 0b110:  # POP
        count = (word & 0x1FF).bit_count()
        return Instruction(Kind.LOAD_MULTIPLE, 2, registers=count, loads_pc=bool(word >> 8 & 1))
    if word & 0x0500 == 0x0100:  # CBZ, CBNZ
        return Instruction(Kind.BRANCH, 2)
    return Instruction(Kind.ALU, 2)


def _decode_32(first: int, second: int) -> Instruction:
    op1, op2 = first >> 11 & 3, first >> 4 & 0x7F
    if op2 & 0x40 and op1 != 2:
        return _coprocessor(first, second)
    if op1 == 1:
        if op2 & 0x64 == 0x00:
            return _multiple(first, second)
        if op2 & 0x64 == 0x04:
            return _dual_or_table(first, second)
        return Instruction(Kind.ALU, 4)
    if op1 == 2:
        return _branch_or_immediate(first, second)
    return _single_or_multiply(first, second, op2)


def _multiple(first: int, second: int) -> Instruction:
    kind = Kind.LOAD_MULTIPLE if first >> 4 & 1 else Kind.STORE_MULTIPLE
    loads_pc = kind is Kind.LOAD_MULTIPLE and bool(second >> 15)
    return Instruction(kind, 4, registers=second.bit_count(), loads_pc=loads_pc)


def _dual_or_table(first: int, second: int) -> Instruction:
    is_load = bool(first >> 4 & 1)
    if first >> 5 & 0xF == 0b0110 and is_load and second >> 5 & 7 == 0:
        return Instruction(Kind.TABLE_BRANCH, 4)
    if first >> 4 == 0xE84 and second >> 12 == 0xF:  # TT of Armv8-M
        return Instruction(Kind.ALU, 4)
    has_one = first >> 5 & 0xB == 0b0010 and (first >> 7 & 1 == 0 or second >> 6 & 3 != 0)
    if has_one and not first >> 8 & 1 and not first >> 5 & 1:  # LDREX, LDA, STREX, STL and narrower
        return Instruction(Kind.LOAD if is_load else Kind.STORE, 4, reads=(first & 15,))
    return Instruction(Kind.LOAD_MULTIPLE if is_load else Kind.STORE_MULTIPLE, 4, registers=2)


def _branch_or_immediate(first: int, second: int) -> Instruction:
    if not second >> 15:  # data processing with an immediate
        return Instruction(Kind.ALU, 4)
    if second >> 14 & 1:  # BL
        return Instruction(Kind.BRANCH, 4, is_call=True)
    if second >> 12 & 1 or first >> 7 & 7 != 0b111:  # B, and B with a condition
        return Instruction(Kind.BRANCH, 4)
    if first >> 5 & 0x3F in (0b011100, 0b011111):  # MSR, MRS
        return Instruction(Kind.SYSTEM, 4)
    if first == 0xF3BF and second >> 6 & 3 == 1:
        return Instruction(Kind.BARRIER, 4)
    return Instruction(Kind.ALU, 4)  # hints


def _single_or_multiply(first: int, second: int, op2: int) -> Instruction:
    if op2 & 0x71 == 0x00 or op2 & 0x60 == 0x00:
        return _single(first, second)
    if op2 & 0x78 == 0x38 and op2 & 7 in (1, 3) and second >> 4 & 15 == 15:
        return Instruction(Kind.DIVIDE, 4)
    return Instruction(Kind.MULTIPLY if op2 & 0x70 == 0x30 else Kind.ALU, 4)


def _single(first: int, second: int) -> Instruction:
    base, target = first & 15, second >> 12
    is_indexed = not first >> 7 & 1 and base != PC and second >> 6 & 0x3F == 0
    reads = (base, second & 15) if is_indexed else (base,)
    if not first >> 4 & 1:
        return Instruction(Kind.STORE, 4, reads=reads, is_indexed=is_indexed)
    if target == PC and first >> 5 & 3 != 2:  # PLD
        return Instruction(Kind.ALU, 4)
    return Instruction(Kind.LOAD, 4, loaded=target, reads=reads, is_indexed=is_indexed, loads_pc=target == PC)


def _coprocessor(first: int, second: int) -> Instruction:
    if second >> 9 & 7 != 0b101:  # not CP10 or CP11: not the FPU
        return Instruction(Kind.ALU, 4)
    if first >> 8 & 3 == 2:
        return _float_data(first, second)
    if first >> 8 & 3 == 3:
        return Instruction(Kind.ALU, 4)
    if first >> 9 & 1 == 0 and first >> 5 & 0xF == 0b0010:
        return Instruction(Kind.FLOAT_MOVE_TWO, 4)
    return _float_transfer(first, second)


def _float_transfer(first: int, second: int) -> Instruction:
    is_load = bool(first >> 4 & 1)
    is_double = bool(second >> 8 & 1)
    if first >> 8 & 1 and not first >> 5 & 1:  # VLDR, VSTR
        if is_double:
            return Instruction(Kind.LOAD_MULTIPLE if is_load else Kind.STORE_MULTIPLE, 4, registers=2)
        return Instruction(Kind.LOAD if is_load else Kind.STORE, 4, reads=(first & 15,))
    return Instruction(Kind.LOAD_MULTIPLE if is_load else Kind.STORE_MULTIPLE, 4, registers=second & 0xFF)


def _float_data(first: int, second: int) -> Instruction:
    if second >> 4 & 1 or first >> 12 == 0xF:  # VMOV, VMRS, VMSR; VSEL, VMAXNM, VRINT of FPv5
        return Instruction(Kind.FLOAT, 4)
    operation = (first >> 4 & 0b1000) | (first >> 4 & 0b0011)  # bit 22 (D) left out
    if operation in (0b0000, 0b0001, 0b1001, 0b1010):  # VMLA, VMLS, VNMLA, VNMLS, VFNMA, VFMA
        return Instruction(Kind.FLOAT_MULTIPLY_ADD, 4)
    is_root = operation == 0b1011 and first & 15 == 0b0001 and second >> 6 & 3 == 3
    if operation == 0b1000 or is_root:  # VDIV, VSQRT
        return Instruction(Kind.FLOAT_DIVIDE, 4)
    return Instruction(Kind.FLOAT, 4)
