"""DIV in float32."""

import numpy as np

from edgeprune.ops.div.cases import SCALES, cases
from edgeprune.ops.float_binary import float_binary
from edgeprune.ops.retype import float_cases

DIV_F32 = float_binary("DIV", "ep_div_f32", np.divide, float_cases(cases, [name for name, *_ in SCALES]))
