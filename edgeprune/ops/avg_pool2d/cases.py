"""Networks that reach every branch of AVERAGE_POOL_2D."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.pool_cases import pool_cases


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases; none has constants, so nothing is drawn."""
    return pool_cases("AVERAGE_POOL_2D")
