"""Networks of one SPLIT_V."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.loops import Shape
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.graph import QuantGraph


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, parts of one length and of several, a length left to be inferred, wider elements."""
    for name, dtype, shape, axis, lengths in (
        ("channels", "int8", (1, 3, 4, 6), 3, (1, 2, 3)),
        ("last_axis", "int8", (1, 3, 4, 6), -1, (5, 1)),
        ("rows", "int8", (1, 4, 3, 5), 1, (3, 1)),
        ("columns", "int8", (1, 4, 6, 5), -2, (2, 2, 2)),
        ("vector", "int8", (12,), 0, (11, 1)),
        ("one_part", "int8", (1, 2, 3), 2, (3,)),
        ("thirteen_parts", "int8", (1, 26, 2), 1, (1,) * 12 + (14,)),
        ("int16", "int16", (1, 2, 6), 2, (4, 2)),
        ("int32", "int32", (1, 4, 3), 1, (1, 3)),
        ("float32", "float32", (1, 2, 3, 4), 2, (2, 1)),
    ):
        yield Case(name, _network(dtype, shape, axis, lengths, stated=lengths))
    yield Case("inferred", _network("int8", (1, 2, 9), 2, (4, 5), stated=(4, -1)))


def _network(
    dtype: str, shape: Shape, axis: int, lengths: tuple[int, ...], stated: tuple[int, ...]
) -> QuantGraph:
    at = axis % len(shape)
    outputs = [tensor(dtype, (*shape[:at], length, *shape[at + 1 :])) for length in lengths]
    numbers = [constant(np.array(stated, np.int32)), constant(np.array(axis, np.int32))]
    return one_op("SPLIT_V", [tensor(dtype, shape), *numbers], outputs, version=2)
