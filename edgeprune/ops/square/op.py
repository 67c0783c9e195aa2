"""SQUARE, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    with np.errstate(over="ignore", under="ignore"):
        result: Floats = np.square(x)
    return result


SQUARE = float_unary("SQUARE", "ep_square_f32", function)
