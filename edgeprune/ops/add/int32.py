"""ADD of int32 without scales: TFLM ignores a fused activation here, and so does this."""

import numpy as np

from edgeprune.ops.add.cases import SCALES, cases
from edgeprune.ops.int32_binary import int32_binary
from edgeprune.ops.retype import plain_cases

SCALE_NAMES = [name for name, *_ in SCALES]

ADD_S32 = int32_binary(
    "ADD", "ep_add_s32", np.add, plain_cases(cases, "int32", SCALE_NAMES), ignores_activation=True
)
