"""PADV2 in float32: PAD with a constant to fill with."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.frame import RULES, kernel, read_padv2, reference
from edgeprune.ops.padv2.cases import cases
from edgeprune.ops.retype import float_cases

PADV2_F32 = Op("PADV2", read_padv2, RULES, reference, kernel, float_cases(cases), types=("float32",))
