"""MUL of int32 without scales."""

import numpy as np

from edgeprune.ops.int32_binary import int32_binary
from edgeprune.ops.mul.cases import SCALES, cases
from edgeprune.ops.retype import plain_cases

SCALE_NAMES = [name for name, *_ in SCALES]

MUL_S32 = int32_binary("MUL", "ep_mul_s32", np.multiply, plain_cases(cases, "int32", SCALE_NAMES))
