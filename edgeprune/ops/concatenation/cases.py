"""Networks of one CONCATENATION."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.tflite.options import ConcatenationOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, one to ten inputs, constants, the same tensor twice, wider elements."""
    for name, dtype, shape, axis, lengths in (
        ("channels", "int8", (1, 3, 4, 5), 3, (5, 2, 1)),
        ("last_axis", "int8", (1, 3, 4, 5), -1, (5, 2)),
        ("rows", "int8", (1, 3, 4, 5), 1, (3, 1)),
        ("columns", "int8", (1, 3, 4, 5), -2, (1, 6)),
        ("batch", "int8", (1, 3), 0, (1, 1, 1)),
        ("vector", "int8", (4,), 0, (4, 1, 2)),
        ("one_input", "int8", (1, 2, 3), 2, (3,)),
        ("ten_inputs", "int8", (1, 2, 3), 2, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
        ("rank_5", "int8", (1, 2, 2, 3, 2), 2, (2, 3)),
        ("int16", "int16", (1, 2, 3), 2, (3, 2)),
        ("int32", "int32", (1, 2, 3), 1, (2, 2)),
        ("float32", "float32", (1, 2, 3, 2), 2, (3, 2)),
    ):
        scale = 0.25 if dtype in ("int8", "int16") else None
        at = axis % len(shape)
        shapes = [(*shape[:at], length, *shape[at + 1 :]) for length in lengths]
        inputs = [activation(s, scale, dtype=dtype) for s in shapes]
        out = activation((*shape[:at], sum(lengths), *shape[at + 1 :]), scale, dtype=dtype)
        yield Case(name, one_op("CONCATENATION", inputs, out, ConcatenationOptions(axis)))
    x = activation((1, 2, 3), 0.25, 9)
    out = activation((1, 2, 8), 0.25, 9)
    fixed = constant(rng.integers(-128, 128, (1, 2, 2)).astype(np.int8), per_tensor(0.25, 9))
    yield Case("constant_and_twice", one_op("CONCATENATION", [x, fixed, x], out, ConcatenationOptions(2)))
