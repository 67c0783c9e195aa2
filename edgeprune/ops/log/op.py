"""LOG, float32."""

from edgeprune.ops.floatmath import logf
from edgeprune.ops.unary import float_unary

LOG = float_unary("LOG", "ep_log_f32", logf)
