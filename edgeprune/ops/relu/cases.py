"""Networks of one RELU."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Same scale, other scales, zero points at both ends, factors far above and below 1."""
    for name, shape, x, out in (
        ("same_scale", (1, 3, 5, 7), (0.1, 0), (0.1, 0)),
        ("rank_1", (256,), (0.05, -3), (0.02, -128)),
        ("zero_points_high", (1, 64), (0.3, 127), (0.25, 127)),
        ("zero_points_low", (1, 64), (0.3, -128), (0.7, -128)),
        # Ties, which the factor's last bits decide: it must be computed in double.
        ("ties", (2048,), (0.7992, -128), (0.5328, -128)),
        ("factor_large", (1, 2, 31), (900.0, 5), (0.001, -7)),
        ("factor_tiny", (1, 2, 31), (1e-6, 5), (5.0, 100)),
        ("factor_vanishes", (1, 2, 31), (1e-12, 5), (5.0, 100)),
    ):
        yield Case(name, one_op("RELU", [activation(shape, *x)], activation(shape, *out)))
