"""PADV2 in int32: PAD with a constant to fill with."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.frame import RULES, kernel, read_padv2, reference
from edgeprune.ops.padv2.cases import cases
from edgeprune.ops.retype import plain_cases

PADV2_S32 = Op("PADV2", read_padv2, RULES, reference, kernel, plain_cases(cases, "int32"), types=("int32",))
