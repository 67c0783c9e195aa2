"""EXP, float32."""

from edgeprune.ops.floatmath import expf
from edgeprune.ops.unary import float_unary

EXP = float_unary("EXP", "ep_exp_f32", expf)
