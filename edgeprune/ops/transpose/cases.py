"""Networks of one TRANSPOSE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Ranks 1 to 5, the identity, swaps and rotations; wider elements."""
    for name, dtype, shape, perm in (
        ("vector", "int8", (7,), (0,)),
        ("matrix", "int8", (1, 3, 5), (0, 2, 1)),
        ("identity", "int8", (1, 3, 4), (0, 1, 2)),
        ("rotated", "int8", (1, 2, 3, 4), (3, 1, 0, 2)),
        ("nhwc_to_nchw", "int8", (1, 4, 5, 3), (0, 3, 1, 2)),
        ("nchw_to_nhwc", "int8", (1, 3, 4, 5), (0, 2, 3, 1)),
        ("reversed_5d", "int8", (1, 3, 4, 2, 5), (4, 3, 2, 1, 0)),
        ("rotated_5d", "int8", (1, 3, 2, 4, 2), (1, 3, 0, 4, 2)),
        ("int16", "int16", (1, 4, 5, 3), (0, 2, 1, 3)),
        ("float32", "float32", (1, 3, 2, 4, 2), (1, 3, 0, 4, 2)),
    ):
        scale = None if dtype == "float32" else 0.5
        x = activation(shape, scale, dtype=dtype)
        out = activation([shape[axis] for axis in perm], scale, dtype=dtype)
        yield Case(name, one_op("TRANSPOSE", [x, constant(np.array(perm, np.int32))], out))
