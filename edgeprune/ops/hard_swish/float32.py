"""HARD_SWISH, float32: x * min(6, max(0, x + 3)) / 6, rounded after each step."""

import numpy as np

from edgeprune.ops.floatmath import Floats
from edgeprune.ops.unary import float_unary


def function(x: Floats) -> Floats:
    """Of each element."""
    raised = x + np.float32(3.0)
    held = np.minimum(np.where(raised > 0, raised, np.float32(0.0)), np.float32(6.0))
    with np.errstate(over="ignore", invalid="ignore"):
        return (x * held / np.float32(6.0)).astype(np.float32)


HARD_SWISH_F32 = float_unary("HARD_SWISH", "ep_hard_swish_f32", function)
