"""PAD in int32, with 0."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.cases import cases
from edgeprune.ops.pad.frame import RULES, kernel, read_pad, reference
from edgeprune.ops.retype import plain_cases

PAD_S32 = Op("PAD", read_pad, RULES, reference, kernel, plain_cases(cases, "int32"), types=("int32",))
