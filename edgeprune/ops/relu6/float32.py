"""RELU6 in float32: -0 and NaN stay what they are."""

from edgeprune.ops.floats import FloatArray, clamp
from edgeprune.ops.unary import float_unary


def relu6(x: FloatArray) -> FloatArray:
    """Between 0 and 6."""
    return clamp(x, 0.0, 6.0)


RELU6_F32 = float_unary("RELU6", "ep_relu6_f32", relu6)
