"""Networks of one SLICE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Ranks 1 to 5, all that follows, everything, one element, bounds of 64 bits, wider elements."""
    for name, dtype, shape, begin, size in (
        ("vector", "int8", (9,), (2,), (4,)),
        ("matrix", "int8", (1, 9), (0, 3), (1, 6)),
        ("image", "int8", (1, 5, 6, 3), (0, 1, 2, 0), (1, 3, 2, 3)),
        ("channels", "int8", (1, 5, 6, 4), (0, 0, 0, 1), (1, 5, 6, 2)),
        ("rest", "int8", (1, 5, 6, 4), (0, 2, 1, 3), (-1, -1, -1, -1)),
        ("everywhere_5d", "int8", (1, 3, 4, 3, 4), (0, 1, 1, 1, 1), (1, 2, 2, -1, 2)),
        ("everything", "int8", (1, 3, 4), (0, 0, 0), (1, 3, 4)),
        ("one_element", "int8", (1, 3, 4), (0, 2, 3), (1, 1, 1)),
        ("int16", "int16", (1, 3, 4), (0, 1, 1), (1, 2, 2)),
        ("int32", "int32", (1, 3, 4), (0, 1, 1), (1, 2, 2)),
        ("float32", "float32", (1, 3, 4), (0, 1, 1), (1, 2, 2)),
        ("bool", "bool", (1, 3, 4), (0, 1, 1), (1, 2, 2)),
    ):
        kind = np.int64 if name == "rest" else np.int32
        bounds = [constant(np.array(begin, kind)), constant(np.array(size, kind))]
        out_shape = tuple(e - b if s == -1 else s for e, b, s in zip(shape, begin, size, strict=True))
        yield Case(name, one_op("SLICE", [tensor(dtype, shape), *bounds], tensor(dtype, out_shape)))
