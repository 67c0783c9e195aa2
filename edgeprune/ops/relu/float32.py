"""RELU in float32: -0 and NaN stay what they are."""

import numpy as np

from edgeprune.ops.floats import FloatArray
from edgeprune.ops.unary import float_unary


def relu(x: FloatArray) -> FloatArray:
    """As C's comparison has it."""
    return np.where(x < 0, np.float32(0), x)


RELU_F32 = float_unary("RELU", "ep_relu_f32", relu)
