"""Networks of one GATHER_ND."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Elements and slices, one place and many, in several dimensions, float32."""
    for name, dtype, shape, slices, coordinates in (
        ("elements", "int8", (1, 3, 4), (5,), 3),
        ("slices", "int8", (1, 3, 4, 5), (6,), 2),
        ("batches", "int8", (1, 3, 4), (2,), 1),
        ("one_slice", "int8", (1, 3, 4), (), 2),
        ("many", "int8", (1, 3, 4), (2, 2, 3), 2),
        ("five_coordinates", "int8", (1, 2, 3, 2, 3, 2), (4,), 5),
        ("vector", "int8", (9,), (4,), 1),
        ("float32", "float32", (1, 3, 4), (5,), 2),
    ):
        places = rng.integers(0, shape[:coordinates], (*slices, coordinates)).astype(np.int32)
        out = tensor(dtype, (*slices, *shape[coordinates:]))
        yield Case(name, one_op("GATHER_ND", [tensor(dtype, shape), constant(places)], out))
