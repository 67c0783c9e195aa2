"""Networks of one SUB."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.add.cases import SCALES
from edgeprune.ops.base import Case
from edgeprune.ops.broadcast import other_cases, scale_cases, shape_cases

# Ten inputs' steps are one of the output's: every half is a tie, which only TFLM's float32 factors round right.
TIES = ("float32_factors", (0.54599589, 0), (0.54599589, 0), (5.45995903, 0))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, extreme scales, constants, activations."""
    yield from shape_cases("SUB", (0.15, -4))
    yield from scale_cases("SUB", (*SCALES, TIES))
    yield from other_cases("SUB", rng)
