"""RSQRT, float32."""

import numpy as np

from edgeprune.ops.floatmath import Floats, sqrtf
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    with np.errstate(divide="ignore"):
        return (np.float32(1.0) / sqrtf(x)).astype(np.float32)


RSQRT_F32 = float_unary("RSQRT", "ep_rsqrt_f32", function)
