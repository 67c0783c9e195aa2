"""ADD in float32."""

import numpy as np

from edgeprune.ops.add.cases import SCALES, cases
from edgeprune.ops.float_binary import float_binary
from edgeprune.ops.retype import float_cases

SCALE_NAMES = [name for name, *_ in SCALES]

ADD_F32 = float_binary("ADD", "ep_add_f32", np.add, float_cases(cases, SCALE_NAMES))
