"""CEIL, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    result: Floats = np.ceil(x)
    return result


CEIL = float_unary("CEIL", "ep_ceil_f32", function)
