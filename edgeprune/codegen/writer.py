"""Turns the data of operators (fields, constants, calls) into C text; nothing else writes C values.

A value that does not fit the C type of its field is refused: the compiler would only warn about it,
or, for an array that is too short, say nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from edgeprune.errors import InternalError
from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.tflite.graph import Array

INTEGER_RANGES = {
    f"{prefix}int{bits}_t": (0, 2**bits - 1) if prefix else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for prefix in ("", "u")
    for bits in (8, 16, 32, 64)
}

# Kernels may read constants a word at a time.
CONSTANT_ALIGN_BYTES = 4

# The C type of a tensor's elements, for pointers into the arena.
CTYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
    "bool": "uint8_t",
}

_NUMBERS_A_LINE = {"int8_t": 24, "uint8_t": 24, "int16_t": 16, "uint16_t": 16}


def literal(ctype: str, value: int | float) -> str:
    """`value` as a C constant expression of type `ctype`; raises InternalError if it does not fit."""
    if ctype in INTEGER_RANGES:
        return _integer_literal(ctype, value)
    if ctype == "float":
        return _float_literal(value)
    raise InternalError(f"C type {ctype!r} cannot be written")


def _integer_literal(ctype: str, value: int | float) -> str:
    low, high = INTEGER_RANGES[ctype]
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InternalError(f"{value!r} is not an integer, its C type is {ctype}")
    number = int(value)
    if not low <= number <= high:
        raise InternalError(f"{number} does not fit {ctype} ({low} to {high})")
    if number == low and ctype in ("int32_t", "int64_t"):
        return ctype.upper().removesuffix("_T") + "_MIN"  # C has no negative literals: 2147483648 is no int
    return f"{number}u" if number > INTEGER_RANGES["int64_t"][1] else str(number)


def _float_literal(value: int | float) -> str:
    with np.errstate(over="ignore"):
        number = np.float32(value)
    if not np.isfinite(number) or float(number) != float(value):
        raise InternalError(f"{value!r} does not fit float exactly")
    text = f"{float(number):.9g}"  # nine digits give every float32 back
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def array_text(name: str, ctype: str, array: Array, comment: str = "") -> str:
    """The definition of `array`, flattened, as a constant called `name`."""
    if array.size == 0:
        raise InternalError(f"constant {name} is empty, C has no empty arrays")
    values = (literal(ctype, value) for value in array.reshape(-1).tolist())
    lines = "\n".join(f"    {','.join(line)}," for line in _chunks(values, _NUMBERS_A_LINE.get(ctype, 8)))
    note = f"/* {comment_text(comment)} */\n" if comment else ""
    attribute = f"__attribute__((aligned({CONSTANT_ALIGN_BYTES})))"
    return f"{note}const {ctype} {name}[{array.size}] {attribute} = {{\n{lines}\n}};\n"


def _chunks(values: Iterator[str], count: int) -> Iterator[list[str]]:
    while chunk := list(islice(values, count)):
        yield chunk


def comment_text(text: str) -> str:
    """`text` made harmless inside a C comment: model files choose their own tensor names."""
    plain = text.replace("\\", "/").replace("?", ".")  # no line continuations, no trigraphs
    printable = "".join(c if " " <= c <= "~" else "." for c in plain)
    return printable.replace("*/", "* /").replace("/*", "/ *")


def identifier(text: str, limit: int = 32) -> str:
    """The letters, digits and underscores of `text`, others as underscores; may start with a digit."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in text)
    while "__" in kept:
        kept = kept.replace("__", "_")
    return kept.strip("_")[:limit].rstrip("_")


@dataclass(frozen=True)
class _Entry:
    name: str
    ctype: str
    array: Array
    comment: str


class ConstantPool:
    """The arrays that go to flash; an array that is there already is not written twice."""

    def __init__(self, prefix: str = "ep_data_") -> None:
        self._prefix = prefix
        self._entries: dict[tuple[str, bytes], _Entry] = {}

    def add(self, name: str, ctype: str, array: Array, comment: str = "") -> str:
        """Return the C name under which `array` can be read: new, or that of an equal array.

        The comment above it in C is its shape, unless another is given.
        """
        _check_array(name, ctype, array)
        if array.dtype == np.bool_:
            array = array.astype(np.uint8)
        key = (ctype, array.tobytes())
        if key not in self._entries:
            names = {entry.name for entry in self._entries.values()}
            full = self._prefix + name
            if full in names:
                raise InternalError(f"two different constants are called {full}")
            shape = ",".join(str(extent) for extent in array.shape)
            self._entries[key] = _Entry(full, ctype, array, comment or f"({shape})")
        return self._entries[key].name

    def declarations(self) -> str:
        """One extern line for each constant."""
        return "".join(f"extern const {e.ctype} {e.name}[{e.array.size}];\n" for e in self._entries.values())

    def definitions(self) -> str:
        """All constants with their values."""
        return "\n".join(array_text(e.name, e.ctype, e.array, e.comment) for e in self._entries.values())

    @property
    def flash_bytes(self) -> int:
        """What the constants take, padding left out."""
        return sum(e.array.nbytes for e in self._entries.values())


def _check_array(name: str, ctype: str, array: Array) -> None:
    """Refuse an array whose dtype is not `ctype`: pointers do not convert as values do."""
    expected = "float32" if ctype == "float" else ctype.removesuffix("_t")
    actual = "uint8" if array.dtype == np.bool_ else str(array.dtype)
    if actual != expected:
        raise InternalError(f"constant {name} holds {array.dtype}, its C type is {ctype}")


def params_text(name: str, call: KernelCall, pool: ConstantPool) -> str:
    """The params struct of `call` as a constant called `name`; its arrays are added to `pool`."""
    lines = "".join(f"    .{field.name} = {_field_text(name, field, pool)},\n" for field in call.params)
    return f"static const {call.kernel}_params {name} = {{\n{lines}}};\n"


def _field_text(owner: str, field: Field, pool: ConstantPool) -> str:
    value = field.value
    try:
        if value is None:
            return "NULL"
        if isinstance(value, Constant):
            name = f"{owner}_{field.name}".replace(".", "_")
            return pool.add(name, field.ctype, np.ascontiguousarray(value.array))
        if isinstance(value, tuple):
            return "{" + ", ".join(literal(field.ctype, item) for item in value) + "}"
        return literal(field.ctype, value)
    except InternalError as error:
        raise InternalError(f"{owner}.{field.name}: {error.message}") from error


def call_text(call: KernelCall, params: str, arguments: Sequence[str]) -> str:
    """The statement that runs `call`; `arguments` are inputs, outputs, state and scratch in C, in order."""
    expected = len(call.inputs) + len(call.outputs) + len(call.state) + (call.scratch_bytes > 0)
    if len(arguments) != expected:
        raise InternalError(f"{call.kernel} takes {expected} buffers, {len(arguments)} given")
    return f"{call.kernel}({', '.join((f'&{params}', *arguments))});"
