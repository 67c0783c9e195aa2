"""Networks of one SHAPE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """One to eight dimensions, several types."""
    for name, dtype, shape in (
        ("vector", "int8", (5,)),
        ("image", "int8", (1, 3, 4, 5)),
        ("rank_8", "int8", (1, 2, 1, 2, 1, 2, 1, 3)),
        ("int32", "int32", (1, 7)),
        ("float32", "float32", (1, 300)),
    ):
        out = activation((len(shape),), dtype="int32")
        yield Case(name, one_op("SHAPE", [tensor(dtype, shape)], out))
