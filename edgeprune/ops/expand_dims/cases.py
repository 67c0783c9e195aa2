"""Networks of one EXPAND_DIMS."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Front, middle and back, counted from both ends, every type."""
    for name, dtype, shape, axis in (
        ("front", "int8", (1, 3, 4), 0),
        ("middle", "int8", (1, 4, 5), 1),
        ("back", "int8", (1, 4, 5), 3),
        ("from_the_back", "int8", (1, 4, 5), -1),
        ("from_the_front", "int8", (1, 4, 5), -4),
        ("scalar", "int8", (), 0),
        ("int16", "int16", (1, 3), 1),
        ("float32", "float32", (1, 3), 2),
    ):
        at = axis % (len(shape) + 1)
        out = tensor(dtype, (*shape[:at], 1, *shape[at:]))
        numbers = np.array([axis] if name == "middle" else axis, np.int32)
        yield Case(name, one_op("EXPAND_DIMS", [tensor(dtype, shape), constant(numbers)], out))
