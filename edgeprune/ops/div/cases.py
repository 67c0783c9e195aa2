"""Networks of one DIV."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.broadcast import other_cases, scale_cases, shape_cases

SCALES = (
    ("zero_points_low", (0.1, -128), (0.2, -128), (0.3, -128)),
    ("zero_points_high", (0.1, 127), (0.2, 127), (0.3, 127)),
    ("zero_points_apart", (0.1, -128), (0.1, 127), (0.1, 0)),
    ("quotients_large", (0.1, 3), (0.05, -7), (0.01, 0)),
    ("quotients_largest", (5.0, 3), (1e-3, -7), (1e-2, 0)),
    ("quotients_small", (1e-3, 3), (0.9, -7), (3.0, 0)),
    ("factor_least", (1e-6, 3), (0.9, -7), (20.0, 0)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, scales that leave little to shift and much, constants, activations."""
    yield from shape_cases("DIV", (0.15, -4))
    yield from scale_cases("DIV", SCALES)
    yield from other_cases("DIV", rng)
