"""Networks of one ADD; SUB uses the same scales."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.broadcast import other_cases, scale_cases, shape_cases

SCALES = (
    ("zero_points_low", (0.1, -128), (0.2, -128), (0.3, -128)),
    ("zero_points_high", (0.1, 127), (0.2, 127), (0.3, 127)),
    ("zero_points_apart", (0.1, -128), (0.1, 127), (0.1, 0)),
    ("a_vanishes", (1e-12, 4), (0.2, 0), (0.2, 0)),
    ("b_tiny", (50.0, 4), (1e-4, 90), (60.0, 0)),
    ("output_fine", (0.1, 5), (0.3, 0), (1e-5, 0)),
    ("output_finest", (0.25, 5), (0.5, 0), (2.0**-20 * 1.01, 0)),
    ("output_coarse", (0.1, 5), (0.3, 0), (70.0, 0)),
    # Ten steps of the inputs are one of the output: each half is a tie, which the factors' last bits decide.
    ("ties", (0.54599589, 0), (0.54599589, 0), (5.45995903, 0)),
    ("output_vanishes", (1e-9, 5), (1e-9, 0), (70.0, -7)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, extreme scales, constants, activations."""
    yield from shape_cases("ADD", (0.15, -4))
    yield from scale_cases("ADD", SCALES)
    yield from other_cases("ADD", rng)
