"""Networks of one MUL."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.broadcast import other_cases, scale_cases, shape_cases

SCALES = (
    ("zero_points_low", (0.1, -128), (0.2, -128), (0.9, -128)),
    ("zero_points_high", (0.1, 127), (0.2, 127), (0.9, 127)),
    ("zero_points_apart", (0.1, -128), (0.1, 127), (0.5, 0)),
    ("factor_one", (0.5, 3), (0.5, 0), (0.25, 0)),
    ("factor_above_one", (5.0, 3), (7.0, 100), (0.25, 0)),
    ("factor_large", (5.0, 3), (700.0, 100), (0.01, 0)),
    ("factor_tiny", (1e-3, 3), (1e-3, 100), (1.0, 11)),
    ("factor_vanishes", (1e-6, 3), (1e-6, 100), (1.0, 11)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, extreme scales, constants, activations."""
    yield from shape_cases("MUL", (0.8, -4))
    yield from scale_cases("MUL", SCALES)
    yield from other_cases("MUL", rng)
