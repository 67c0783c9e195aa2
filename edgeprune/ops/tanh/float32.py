"""TANH in float32."""

from edgeprune.ops.floatmath import tanhf
from edgeprune.ops.unary import float_unary

TANH_F32 = float_unary("TANH", "ep_tanh_f32", tanhf)
