"""Networks of one TANH."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op

OUTPUT = (1 / 128, 0)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Scales that saturate nowhere, at the ends and everywhere; zero points at both ends."""
    for name, shape, x in (
        ("usual", (1, 257), (0.05, 10)),
        ("saturates_at_ends", (1, 8, 4, 9), (0.13, -5)),
        ("saturates_soon", (300,), (2.0, 0)),
        ("radius_one", (300,), (7.9, 3)),
        ("radius_zero", (300,), (8.0, 3)),
        ("radius_zero_far", (300,), (100.0, 3)),
        ("tiny", (1, 300), (2.0**-28, 7)),
        ("zero_point_low", (1, 300), (0.02, -128)),
        ("zero_point_high", (1, 300), (0.02, 127)),
    ):
        yield Case(name, one_op("TANH", [activation(shape, *x)], activation(shape, *OUTPUT)))
