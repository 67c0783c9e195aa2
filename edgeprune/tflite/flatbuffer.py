"""A FlatBuffers reader for files that nobody vouches for.

Every position is checked against the file before it is read. Tables may be shared and overlap, so a
small file could describe a huge one: what is read is charged to a budget of a few times the file's
size, and a file that asks for more is refused. Nothing here recurses.
"""

import struct
from dataclasses import dataclass

from edgeprune.errors import ModelError

_FORMATS = {
    "bool": "<B",
    "int8": "<b",
    "uint8": "<B",
    "uint16": "<H",
    "int32": "<i",
    "uint32": "<I",
    "int64": "<q",
    "uint64": "<Q",
    "float32": "<f",
}


def damaged(what: str) -> ModelError:
    """The error for bytes that make no sense."""
    return ModelError(
        f"the .tflite file is damaged: {what}", hint="export or download the file again, or check its source"
    )


class File:
    """The bytes, and how many more may be read from them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._budget_bytes = 4 * len(data) + 65536

    def charge(self, amount_bytes: int) -> None:
        """Count `amount_bytes` as read; raises ModelError when that is more than any sound file needs."""
        self._budget_bytes -= amount_bytes
        if self._budget_bytes < 0:
            raise damaged(f"its {len(self.data)} bytes are referenced again and again")

    def scalar(self, kind: str, at: int) -> int | float:
        """The number of type `kind` at byte `at`."""
        form = _FORMATS[kind]
        width = struct.calcsize(form)
        self.check(at, width)
        value: int | float = struct.unpack_from(form, self.data, at)[0]
        return value

    def integer(self, kind: str, at: int) -> int:
        """The integer of type `kind` at byte `at`."""
        return int(self.scalar(kind, at))

    def check(self, at: int, width_bytes: int) -> None:
        """Require that `width_bytes` from `at` lie in the file, and charge them."""
        if at < 0 or at + width_bytes > len(self.data):
            raise damaged(f"it refers to byte {at + width_bytes - 1}, and has {len(self.data)} bytes")
        self.charge(width_bytes)

    def root(self) -> "Table":
        """The table that the file begins with."""
        return Table.at(self, self.integer("uint32", 0))


@dataclass(frozen=True)
class Table:
    """A table at byte `start`; fields are named by their number in the schema, from 0."""

    file: File
    start: int
    vtable: int
    fields: int

    @classmethod
    def at(cls, file: File, start: int) -> "Table":
        """The table at byte `start`, with its vtable checked."""
        vtable = start - file.integer("int32", start)
        size = file.integer("uint16", vtable)
        if size < 4 or size % 2:
            raise damaged(f"the table at byte {start} has a vtable of {size} bytes")
        file.check(vtable, size)
        return cls(file, start, vtable, (size - 4) // 2)

    def position(self, field: int) -> int | None:
        """Where `field` is stored, None where it has its default."""
        if field >= self.fields:
            return None
        offset = self.file.integer("uint16", self.vtable + 4 + 2 * field)
        return self.start + offset if offset else None

    def integer(self, field: int, kind: str, default: int = 0) -> int:
        """An integer field."""
        at = self.position(field)
        return default if at is None else self.file.integer(kind, at)

    def boolean(self, field: int, default: bool = False) -> bool:
        """A bool field."""
        return self.integer(field, "bool", int(default)) != 0

    def real(self, field: int, default: float = 0.0) -> float:
        """A float32 field."""
        at = self.position(field)
        return default if at is None else float(self.file.scalar("float32", at))

    def table(self, field: int) -> "Table | None":
        """A field that is a table, None where it is absent."""
        at = self._target(field)
        return None if at is None else Table.at(self.file, at)

    def string(self, field: int, most_bytes: int) -> str:
        """A string field; "" where it is absent, bytes that are not UTF-8 escaped."""
        return self.raw(field, most_bytes).decode("utf-8", errors="backslashreplace")

    def raw(self, field: int, most_bytes: int) -> bytes:
        """A field that is a vector of bytes."""
        start, count = self._vector(field, 1, "bytes in one string or buffer", most_bytes)
        return self.file.data[start : start + count]

    def vector(self, field: int, kind: str, what: str, most: int) -> tuple[int | float, ...]:
        """A field that is a vector of at most `most` numbers, `what` names them; () where absent."""
        form = _FORMATS[kind]
        start, count = self._vector(field, struct.calcsize(form), what, most)
        return struct.unpack_from(f"<{count}{form[1]}", self.file.data, start) if count else ()

    def integers(self, field: int, kind: str, what: str, most: int) -> tuple[int, ...]:
        """`vector` of integers."""
        return tuple(int(value) for value in self.vector(field, kind, what, most))

    def tables(self, field: int, what: str, most: int) -> list["Table"]:
        """A field that is a vector of at most `most` tables; `what` names them."""
        start, count = self._vector(field, 4, what, most)
        places = [start + 4 * i for i in range(count)]
        return [Table.at(self.file, place + self.file.integer("uint32", place)) for place in places]

    def is_present(self, field: int) -> bool:
        """Whether the field is stored at all."""
        return self.position(field) is not None

    def _target(self, field: int) -> int | None:
        at = self.position(field)
        return None if at is None else at + self.file.integer("uint32", at)

    def _vector(self, field: int, width_bytes: int, what: str, most: int) -> tuple[int, int]:
        at = self._target(field)
        if at is None:
            return 0, 0
        count = self.file.integer("uint32", at)
        if count > most:
            raise ModelError(
                f"the .tflite file has {count} {what}, at most {most} are read",
                hint="check that this is the model that was meant",
            )
        self.file.check(at + 4, count * width_bytes)
        return at + 4, count
