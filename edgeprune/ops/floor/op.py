"""FLOOR, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    result: Floats = np.floor(x)
    return result


FLOOR = float_unary("FLOOR", "ep_floor_f32", function)
