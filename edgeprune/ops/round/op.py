"""ROUND, float32: to nearest, halves to even; what rounds to 0 from below is 0, not -0."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    below: Floats = np.floor(x)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        rest = x - below
    is_below = (rest < 0.5) | ((rest == 0.5) & (np.fmod(np.where(np.isfinite(x), below, 0), 2) == 0))
    return np.where(is_below, below, below + np.float32(1.0)).astype(np.float32)


ROUND = float_unary("ROUND", "ep_round_f32", function)
