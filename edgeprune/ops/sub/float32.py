"""SUB in float32."""

import numpy as np

from edgeprune.ops.add.cases import SCALES
from edgeprune.ops.float_binary import float_binary
from edgeprune.ops.retype import float_cases
from edgeprune.ops.sub.cases import cases

SCALE_NAMES = [name for name, *_ in SCALES]

SUB_F32 = float_binary("SUB", "ep_sub_f32", np.subtract, float_cases(cases, SCALE_NAMES))
