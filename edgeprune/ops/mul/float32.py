"""MUL in float32."""

import numpy as np

from edgeprune.ops.float_binary import float_binary
from edgeprune.ops.mul.cases import SCALES, cases
from edgeprune.ops.retype import float_cases

SCALE_NAMES = [name for name, *_ in SCALES]

MUL_F32 = float_binary("MUL", "ep_mul_f32", np.multiply, float_cases(cases, SCALE_NAMES))
