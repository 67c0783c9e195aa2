"""LOGISTIC in float32: exp(x) below -9, where 1 + exp(-x) would be exp(-x); 1 above 16.6, where it is 1."""

import numpy as np

from edgeprune.ops.floatmath import expf
from edgeprune.ops.floats import FloatArray
from edgeprune.ops.unary import float_unary

ONE_ABOVE = np.float32(16.619047164916992188)


def logistic(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x))."""
    one = np.float32(1)
    middle = one / (one + expf(-x))
    return np.where(x > ONE_ABOVE, one, np.where(x < -9, expf(x), middle))


LOGISTIC_F32 = float_unary("LOGISTIC", "ep_logistic_f32", logistic)
