"""Reads what we need of an ELF file: load segments, sections and symbols; standard library only.

Firmware is 32-bit little-endian (Arm); 64-bit files are refused. The image to program is made here as
well, so that no objcopy is needed: the bytes of all load segments at their load addresses.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import ToolError

PT_LOAD = 1
SHT_SYMTAB = 2
STT_FUNC = 2
ERASED = b"\xff"  # what flash holds where nothing is programmed

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<IIIIIIII")
_SECTION = struct.Struct("<IIIIIIIIII")
_SYMBOL = struct.Struct("<IIIBBH")


@dataclass(frozen=True)
class Segment:
    """A load segment: `data` goes to `load_address`, the program sees it at `address`."""

    address: int
    load_address: int
    memory_bytes: int
    data: bytes


@dataclass(frozen=True)
class Section:
    """A section by name; `kind` is ELF's sh_type."""

    name: str
    kind: int
    address: int
    offset: int
    size_bytes: int
    link: int


@dataclass(frozen=True)
class Symbol:
    """A named address."""

    name: str
    address: int
    size_bytes: int


@dataclass(frozen=True)
class Elf:
    """The parts of an ELF file that we look at.

    `symbols` has one of each name, `functions` all, static ones of equal names too.
    `mapping` says where code ("t") and data between it ("d") begin: (address, kind).
    """

    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    symbols: dict[str, Symbol]
    functions: tuple[Symbol, ...] = ()
    mapping: tuple[tuple[int, str], ...] = ()

    def address(self, name: str) -> int:
        """The address of the symbol `name`; raises ToolError if there is none."""
        if name not in self.symbols:
            raise ToolError(f"the firmware has no symbol {name!r}")
        return self.symbols[name].address

    def image(self) -> tuple[int, bytes]:
        """The address and the bytes to program; gaps between segments read as erased flash."""
        parts = sorted((s.load_address, s.data) for s in self.segments if s.data)
        if not parts:
            raise ToolError("the firmware has nothing to program")
        start = parts[0][0]
        image = bytearray()
        for address, data in parts:
            if address - start < len(image):
                raise ToolError(f"two segments of the firmware are loaded to {address:#x}")
            image += ERASED * (address - start - len(image)) + data
        return start, bytes(image)


def read_elf(path: Path) -> Elf:
    """Read the ELF file at `path`; raises ToolError if it is none."""
    try:
        return _Reader(path.read_bytes()).elf()
    except (struct.error, IndexError, ValueError) as error:
        raise ToolError(f"{path.name} is not a readable 32-bit ELF file: {error}") from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def elf(self) -> Elf:
        header = _HEADER.unpack_from(self._content)
        if header[0][:6] != b"\x7fELF\x01\x01":
            raise ValueError("wrong magic, word size or byte order")
        entry, segment_table, section_table = header[4:7]
        segment_size, segment_count, section_size, section_count, names_index = header[9:14]
        if (segment_size, section_size) != (_SEGMENT.size, _SECTION.size):
            raise ValueError("unknown table sizes")
        sections = self._sections(section_table, section_count, names_index)
        typed = [pair for table in sections for pair in self._symbols(table, sections)]
        symbols = [symbol for symbol, _ in typed]
        return Elf(
            entry=entry,
            segments=tuple(self._segments(segment_table, segment_count)),
            sections=sections,
            symbols={s.name: s for s in symbols},
            functions=tuple(symbol for symbol, kind in typed if kind == STT_FUNC),
            mapping=tuple((s.address, s.name[1]) for s in symbols if s.name[:2] in ("$t", "$d", "$x")),
        )

    def _bytes(self, offset: int, count: int) -> bytes:
        if offset + count > len(self._content):
            raise ValueError("a table ends behind the end of the file")
        return self._content[offset : offset + count]

    def _text(self, offset: int) -> str:
        return self._content[offset : self._content.index(b"\0", offset)].decode("ascii")

    def _segments(self, table: int, count: int) -> Iterator[Segment]:
        for index in range(count):
            row = _SEGMENT.unpack_from(self._content, table + index * _SEGMENT.size)
            kind, offset, address, load_address, file_bytes, memory_bytes = row[:6]
            if kind == PT_LOAD and memory_bytes:
                yield Segment(address, load_address, memory_bytes, self._bytes(offset, file_bytes))

    def _sections(self, table: int, count: int, names_index: int) -> tuple[Section, ...]:
        rows = [_SECTION.unpack_from(self._content, table + i * _SECTION.size) for i in range(count)]
        names = rows[names_index][4]
        return tuple(
            Section(self._text(names + name), kind, address, offset, size, link)
            for name, kind, _, address, offset, size, link, *_ in rows
        )

    def _symbols(self, table: Section, sections: tuple[Section, ...]) -> Iterator[tuple[Symbol, int]]:
        """Each named symbol with its type."""
        if table.kind != SHT_SYMTAB:
            return
        strings = sections[table.link].offset
        for name, address, size, info, _, _ in _SYMBOL.iter_unpack(
            self._bytes(table.offset, table.size_bytes)
        ):
            if name:
                yield Symbol(self._text(strings + name), address, size), info & 0xF
