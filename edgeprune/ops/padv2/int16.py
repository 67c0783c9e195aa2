"""PADV2 in int16: PAD with a constant to fill with."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.frame import RULES, kernel, read_padv2, reference
from edgeprune.ops.padv2.cases import cases
from edgeprune.ops.retype import wide_cases

PADV2_S16 = Op("PADV2", read_padv2, RULES, reference, kernel, wide_cases(cases), types=("int16",))
