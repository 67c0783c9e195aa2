"""NEG, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    result: Floats = np.negative(x)
    return result


NEG = float_unary("NEG", "ep_neg_f32", function)
