"""PAD in float32, with 0."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.cases import cases
from edgeprune.ops.pad.frame import RULES, kernel, read_pad, reference
from edgeprune.ops.retype import float_cases

PAD_F32 = Op("PAD", read_pad, RULES, reference, kernel, float_cases(cases), types=("float32",))
