"""Networks of one REVERSE_V2."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """First, inner and last axes, several at once and all, every type."""
    for name, dtype, shape, axes in (
        ("vector", "int8", (7,), (0,)),
        ("rows", "int8", (1, 3, 4, 5), (1,)),
        ("columns", "int8", (1, 3, 4, 5), (-2,)),
        ("channels", "int8", (1, 3, 4, 5), (3,)),
        ("image", "int8", (1, 3, 4, 5), (2, 1)),
        ("everything", "int8", (1, 3, 4), (0, 1, 2)),
        ("rank_6", "int8", (1, 2, 3, 2, 3, 2), (2, 3)),
        ("uint8", "uint8", (1, 3, 4), (1,)),
        ("int16", "int16", (1, 3, 4), (2,)),
        ("int32", "int32", (1, 3, 4), (1,)),
        ("int64", "int64", (1, 3, 4), (2,)),
        ("float32", "float32", (1, 3, 4), (1, 2)),
        ("bool", "bool", (1, 3, 4), (1,)),
    ):
        inputs = [tensor(dtype, shape), constant(np.array(axes, np.int32))]
        yield Case(name, one_op("REVERSE_V2", inputs, tensor(dtype, shape)))
