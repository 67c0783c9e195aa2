"""Networks of one PACK."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op, per_tensor
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import PackOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, one to twelve inputs, scalars, constants, the same tensor twice, wider elements."""
    for name, dtype, shape, axis, count in (
        ("first", "int8", (1, 3, 4), 0, 1),
        ("rows", "int8", (1, 3, 4), 1, 3),
        ("columns", "int8", (1, 3, 4), -2, 2),
        ("channels", "int8", (1, 3, 4), 3, 12),
        ("scalars", "int8", (), 0, 4),
        ("int16", "int16", (1, 2, 3), 2, 2),
        ("int32", "int32", (1, 2, 3), 1, 2),
        ("int64", "int64", (1, 3), 1, 2),
        ("float32", "float32", (1, 2, 3), -1, 3),
    ):
        inputs = [tensor(dtype, shape) for _ in range(count)]
        at = axis % (len(shape) + 1)
        out = tensor(dtype, (*shape[:at], count, *shape[at:]))
        yield Case(name, one_op("PACK", inputs, out, PackOptions(count, axis)))
    x = tensor("int8", (1, 5))
    fixed = constant(rng.integers(-128, 128, (1, 5)).astype(np.int8), per_tensor(0.25))
    out = tensor("int8", (1, 3, 5))
    yield Case("constant_and_twice", one_op("PACK", [x, fixed, x], out, PackOptions(3, 1)))
