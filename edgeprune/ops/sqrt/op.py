"""SQRT, float32."""

from edgeprune.ops.floatmath import sqrtf
from edgeprune.ops.unary import float_unary

SQRT = float_unary("SQRT", "ep_sqrt_f32", sqrtf)
