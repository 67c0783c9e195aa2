"""ABS, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    result: Floats = np.abs(x)
    return result


ABS_F32 = float_unary("ABS", "ep_abs_f32", function)
