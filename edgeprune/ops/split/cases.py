"""Networks of one SPLIT; SPLIT_V and UNPACK use its types."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.loops import Shape
from edgeprune.tflite.graph import QuantGraph, Tensor


def tensor(dtype: str, shape: Shape) -> Tensor:
    """An activation, quantized where its type is one of small integers."""
    return activation(shape, 0.25 if dtype in ("int8", "int16") else None, dtype=dtype)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, one to twelve parts, wider elements."""
    for name, dtype, shape, axis, count in (
        ("channels", "int8", (1, 3, 4, 6), 3, 3),
        ("last_axis", "int8", (1, 3, 4, 6), -1, 2),
        ("rows", "int8", (1, 4, 3, 5), 1, 4),
        ("columns", "int8", (1, 4, 6, 5), -2, 2),
        ("vector", "int8", (12,), 0, 12),
        ("one_part", "int8", (1, 2, 3), 2, 1),
        ("rank_6", "int8", (1, 2, 2, 4, 2, 3), 3, 2),
        ("int16", "int16", (1, 2, 6), 2, 3),
        ("int32", "int32", (1, 4, 3), 1, 2),
        ("float32", "float32", (1, 2, 3, 4), 2, 3),
    ):
        yield Case(name, _network(dtype, shape, axis, count))


def _network(dtype: str, shape: Shape, axis: int, count: int) -> QuantGraph:
    at = axis % len(shape)
    part = (*shape[:at], shape[at] // count, *shape[at + 1 :])
    outputs = [tensor(dtype, part) for _ in range(count)]
    return one_op("SPLIT", [constant(np.array(axis, np.int32)), tensor(dtype, shape)], outputs)
