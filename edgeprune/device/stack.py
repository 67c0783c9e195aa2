"""How much stack a firmware can need: frames and calls read back from its machine code.

Every function's code is followed once, in the order of addresses, with the depth of its stack at each
instruction; what branches to an instruction and what falls into it must agree, else the deeper counts.
The call graph is then searched for its deepest path from reset. Nothing is taken from the compiler's
word: assembly and library functions are bounded alike.

Calls through pointers may go to any function whose address is in the read-only data or in a literal,
except where KNOWN_POINTERS knows better. Recursion and stack of unknown size have no bound: ToolError.

Source:  the encodings of Arm's "ARMv7-M Architecture Reference Manual" (DDI 0403), chapter A5 and A7
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from edgeprune.device.elf import Elf, Symbol
from edgeprune.errors import ToolError

# The runner's own pointers: who calls what through them, by the beginnings of names. Nobody else does.
KNOWN_POINTERS = {
    ("ep_timing_count",): ("no_layer", "one_layer", "two_layers", "ep_model_run"),
    ("ep_runner", "dispatch"): ("answer_",),
}
VECTOR_BYTES = 64


@dataclass
class _Function:
    """What one function does with the stack; `calls` are (address called, depth then)."""

    symbol: Symbol
    depth: int = 0
    calls: set[tuple[int, int]] = field(default_factory=set)
    pointer_depth: int | None = None


@dataclass(frozen=True)
class StackBound:
    """The most stack from reset on, in bytes, and the functions on that path."""

    bytes: int
    path: tuple[str, ...]


def stack_bound(elf: Elf, root: str = "ep_reset") -> StackBound:
    """The bound of a Thumb firmware; raises ToolError where there is none."""
    return _Program(elf).bound(root)


class _Program:
    def __init__(self, elf: Elf) -> None:
        self._elf = elf
        self._code = _Code(elf)
        functions = {s.address & ~1: s for s in elf.functions}
        starts = sorted(functions)
        self._functions: dict[int, _Function] = {}
        self._pointers: set[int] = set()
        for number, start in enumerate(starts):
            symbol = functions[start]
            following = starts[number + 1] if number + 1 < len(starts) else self._code.end
            size = symbol.size_bytes or following - start
            found, values = _Walk(self._code, symbol, start, start + size).result()
            self._functions[start] = found
            self._pointers |= values
        pointers = {value & ~1 for value in self._pointers | self._code.words() if value & 1}
        self._pointers = pointers & set(self._functions)
        self._deepest: dict[int, tuple[int, tuple[str, ...]]] = {}

    def bound(self, root: str) -> StackBound:
        depth, path = self._depth(self._elf.address(root) & ~1, ())
        return StackBound(-(-depth // 8) * 8, path)

    def _depth(self, start: int, callers: tuple[int, ...]) -> tuple[int, tuple[str, ...]]:
        if start in self._deepest:
            return self._deepest[start]
        if start in callers:
            raise ToolError(f"the stack has no bound: {self._functions[start].symbol.name} calls itself")
        function = self._functions.get(start)
        if function is None:
            raise ToolError(f"the stack has no bound: something calls {start:#x}, which is no function")
        best: tuple[int, tuple[str, ...]] = (function.depth, ())
        for called, depth in sorted(self._calls(function)):
            below, path = self._depth(called, (*callers, start))
            best = max(best, (depth + below, path))
        self._deepest[start] = best[0], (function.symbol.name, *best[1])
        return self._deepest[start]

    def _calls(self, function: _Function) -> set[tuple[int, int]]:
        if function.pointer_depth is None:
            return function.calls
        targets = [self._functions[pointer] for pointer in self._pointers]
        reached = {t.symbol.address & ~1 for t in targets if _may_call(function.symbol.name, t.symbol.name)}
        return function.calls | {(target, function.pointer_depth) for target in reached}


def _may_call(caller: str, called: str) -> bool:
    """Whether `caller` may call `called` through a pointer, where it calls through one at all."""
    owned = [callers for callers, names in KNOWN_POINTERS.items() if called.startswith(names)]
    owns = any(caller in callers for callers in KNOWN_POINTERS)
    return any(caller in callers for callers in owned) if owned or owns else True


class _Code:
    """The code of a program, and which of it is data."""

    def __init__(self, elf: Elf) -> None:
        segment = next(
            s for s in elf.segments if s.data and s.address <= (elf.entry & ~1) < s.address + len(s.data)
        )
        self._start, self._data = segment.address, segment.data
        self.end = segment.address + len(segment.data)
        self.marks = sorted((address, kind) for address, kind in elf.mapping if address < self.end)

    def half(self, address: int) -> int:
        """The halfword at `address`; 0 outside of the code."""
        at = address - self._start
        return int(struct.unpack_from("<H", self._data, at)[0]) if 0 <= at <= len(self._data) - 2 else 0

    def word(self, address: int) -> int:
        """The word at `address`."""
        return self.half(address) | self.half(address + 2) << 16

    def stretches(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """The parts of start to end, and whether each is code."""
        is_code, at = True, start
        for address, kind in self.marks:
            if address >= end:
                break
            if address > at:
                yield at, address, is_code
                at = address
            is_code = kind != "d"
        yield at, end, is_code

    def words(self) -> set[int]:
        """All words of read-only data behind the vector table."""
        count = max(0, len(self._data) - VECTOR_BYTES) // 4
        return set() if not count else set(struct.unpack_from(f"<{count}I", self._data, VECTOR_BYTES))


class _Walk:
    """Follows one function; the depth after an unconditional branch is what branches there had."""

    def __init__(self, code: _Code, symbol: Symbol, start: int, end: int) -> None:
        self._code = code
        self._start, self._end = start, end
        self._found = _Function(symbol)
        self._expected: dict[int, int] = {}
        self._values: set[int] = set()
        self._low_halves: dict[int, int] = {}
        self._depth = 0
        self._falls_through = True
        for first, last, is_code in code.stretches(start, end):
            if is_code:
                self._follow(first, last)

    def result(self) -> tuple[_Function, set[int]]:
        """The function, and the words that it builds of two halves: perhaps addresses."""
        return self._found, self._values

    def _follow(self, at: int, end: int) -> None:
        while at < end:
            expected = self._expected.get(at)
            if expected is not None:
                self._depth = max(expected, self._depth) if self._falls_through else expected
            elif not self._falls_through:
                self._depth = self._found.depth  # reached by a table: at most as deep as it ever was
            self._falls_through = True
            first = self._code.half(at)
            if first >> 11 in (0b11101, 0b11110, 0b11111):
                self._long(at, first, self._code.half(at + 2))
                at += 4
            else:
                self._short(at, first)
                at += 2

    def _push(self, size_bytes: int) -> None:
        self._depth += size_bytes
        self._found.depth = max(self._found.depth, self._depth)

    def _branch(self, target: int, *, always: bool) -> None:
        if self._start <= target < self._end:
            if target > 0:
                self._expected[target] = max(self._depth, self._expected.get(target, 0))
        else:
            self._found.calls.add((target, self._depth))
        self._falls_through = not always

    def _returns(self) -> None:
        self._falls_through = False

    def _by_pointer(self) -> None:
        self._found.pointer_depth = max(self._depth, self._found.pointer_depth or 0)

    def _unknown(self, at: int, what: str) -> None:
        name = self._found.symbol.name
        raise ToolError(f"the stack has no bound: {what} in {name} at {at:#x}")

    def _short(self, at: int, code: int) -> None:
        if code >> 9 == 0b1011010:
            self._push(4 * (code & 0x1FF).bit_count())
        elif code >> 9 == 0b1011110:
            self._push(-4 * (code & 0x1FF).bit_count())
            if code & 0x100:
                self._returns()
        elif code >> 7 == 0b101100001:
            self._push(4 * (code & 0x7F))
        elif code >> 7 == 0b101100000:
            self._push(-4 * (code & 0x7F))
        elif code >> 12 == 0b1101 and code >> 9 != 0b1101111:
            self._branch(at + 4 + 2 * _signed(code & 0xFF, 8), always=False)
        elif code >> 11 == 0b11100:
            self._branch(at + 4 + 2 * _signed(code & 0x7FF, 11), always=True)
        elif code & 0xF500 == 0xB100:  # CBZ, CBNZ
            self._branch(at + 4 + ((code >> 3 & 0x1F) << 1 | (code >> 9 & 1) << 6), always=False)
        elif code >> 7 == 0b010001111:
            self._by_pointer()
        elif code >> 7 == 0b010001110:  # BX: a return, or a call through a pointer in its place
            if code >> 3 & 0xF != 14:
                self._by_pointer()
            self._returns()
        elif code & 0xFF87 == 0x4485:  # ADD SP, Rm
            self._large(at, code >> 3 & 0xF)
        elif code & 0xFF87 == 0x4685:  # MOV SP, Rm: a frame is given up
            self._depth = min(self._depth, self._found.depth)

    def _large(self, at: int, register: int) -> None:
        """A frame too large for an immediate: its size was just loaded from a literal."""
        for before in range(at - 2, max(self._start, at - 16), -2):
            code = self._code.half(before)
            if code >> 11 == 0b01001 and code >> 8 & 7 == register:
                literal = self._code.word((before + 4 & ~3) + 4 * (code & 0xFF))
                self._push(-_signed(literal, 32))
                return
        self._unknown(at, "a frame of unknown size")

    def _long(self, at: int, first: int, second: int) -> None:
        if first & 0xF800 == 0xF000 and second & 0x8000:
            self._long_branch(at, first, second)
        elif first == 0xE92D:
            self._push(4 * second.bit_count())
        elif first == 0xE8BD:
            self._push(-4 * second.bit_count())
            if second & 0x8000:
                self._returns()
        elif first & 0xFFBF == 0xED2D:
            self._push(4 * (second & 0xFF))
        elif first & 0xFFBF == 0xECBD:
            self._push(-4 * (second & 0xFF))
        elif first == 0xF84D and second & 0xF00 == 0xD00:  # STR Rt, [SP, #-imm]!
            self._push(second & 0xFF)
        elif first == 0xF85D and second & 0xF00 == 0xB00:  # LDR Rt, [SP], #imm
            self._push(-(second & 0xFF))
            if second >> 12 == 15:
                self._returns()
        elif first & 0xFF7F == 0xE96D:  # STRD Rt, Rt2, [SP, #-imm]!
            self._push(4 * (second & 0xFF))
        elif first & 0xFF7F == 0xE8FD:  # LDRD Rt, Rt2, [SP], #imm
            self._push(-4 * (second & 0xFF))
        elif second >> 8 & 0xF == 13 and first & 0xF == 13 and first & 0xFA00 == 0xF000:
            self._adjust(at, first, second)
        elif first == 0xEBAD and second & 0xF00 == 0xD00:
            self._unknown(at, "a frame of unknown size")
        elif first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:  # TBB, TBH
            self._returns()
        elif first & 0xFB70 == 0xF240:  # MOVW, MOVT
            self._note(first, second)

    def _adjust(self, at: int, first: int, second: int) -> None:
        """ADD or SUB of an immediate to SP."""
        raw = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        operation = first >> 5 & 0x1F
        sizes = {8: -_expanded(raw), 13: _expanded(raw), 16: -raw, 21: raw}  # ADD, SUB, ADDW, SUBW
        if operation not in sizes:
            self._unknown(at, "a change of the stack pointer")
        self._push(sizes[operation])

    def _long_branch(self, at: int, first: int, second: int) -> None:
        sign, one, two = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
        if second & 0x5000 == 0 and first >> 7 & 7 == 7:
            return  # MSR, hints, barriers
        if second & 0x5000 == 0x4000:
            return  # Armv8.1-M's loops: WLS, DLS, LE stay in the function, at the same depth
        if second & 0x1000 == 0:  # B<cond>.W
            high = two << 19 | one << 18 | (first & 0x3F) << 12
            offset = _signed(sign << 20 | high | (second & 0x7FF) << 1, 21)
            self._branch(at + 4 + offset, always=False)
            return
        high = (one ^ sign ^ 1) << 23 | (two ^ sign ^ 1) << 22 | (first & 0x3FF) << 12
        target = at + 4 + _signed(sign << 24 | high | (second & 0x7FF) << 1, 25)
        if second & 0x4000:
            self._found.calls.add((target, self._depth))
        else:
            self._branch(target, always=True)

    def _note(self, first: int, second: int) -> None:
        """Put the halves of an address together."""
        register = second >> 8 & 0xF
        value = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        if first & 0x80:
            self._values.add(value << 16 | self._low_halves.get(register, 0))
        else:
            self._low_halves[register] = value


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _expanded(raw: int) -> int:
    """ThumbExpandImm."""
    if raw >> 10 == 0:
        byte = raw & 0xFF
        return (byte, byte * 0x00010001, byte * 0x01000100, byte * 0x01010101)[raw >> 8 & 3]
    value, turn = 0x80 | raw & 0x7F, raw >> 7
    return (value >> turn | value << (32 - turn)) & 0xFFFFFFFF
