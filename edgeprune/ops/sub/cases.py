"""Networks of one SUB."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.add.cases import SCALES
from edgeprune.ops.base import Case
from edgeprune.ops.broadcast import other_cases, scale_cases, shape_cases


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, extreme scales, constants, activations."""
    yield from shape_cases("SUB", (0.15, -4))
    yield from scale_cases("SUB", SCALES)
    yield from other_cases("SUB", rng)
