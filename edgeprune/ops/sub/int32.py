"""SUB of int32 without scales."""

import numpy as np

from edgeprune.ops.add.cases import SCALES
from edgeprune.ops.int32_binary import int32_binary
from edgeprune.ops.retype import plain_cases
from edgeprune.ops.sub.cases import cases

SCALE_NAMES = [name for name, *_ in SCALES]

SUB_S32 = int32_binary("SUB", "ep_sub_s32", np.subtract, plain_cases(cases, "int32", SCALE_NAMES))
