"""ELU, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats, expm1f
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    return np.where(x < 0, expm1f(x), x).astype(np.float32)


ELU_F32 = float_unary("ELU", "ep_elu_f32", function)
