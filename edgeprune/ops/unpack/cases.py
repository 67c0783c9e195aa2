"""Networks of one UNPACK."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import one_op
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import UnpackOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, one to twelve outputs, scalars, wider elements."""
    for name, dtype, shape, axis in (
        ("rows", "int8", (1, 3, 4, 5), 1),
        ("columns", "int8", (1, 3, 4, 5), -2),
        ("channels", "int8", (1, 3, 4, 5), 3),
        ("batch", "int8", (1, 3, 4), 0),
        ("scalars", "int8", (12,), 0),
        ("int16", "int16", (1, 2, 3), 2),
        ("int32", "int32", (1, 2, 3), 1),
        ("float32", "float32", (1, 2, 3, 2), -1),
    ):
        at = axis % len(shape)
        outputs = [tensor(dtype, (*shape[:at], *shape[at + 1 :])) for _ in range(shape[at])]
        yield Case(name, one_op("UNPACK", [tensor(dtype, shape)], outputs, UnpackOptions(shape[at], axis)))
