"""PAD in int16, with 0, which is the zero point that it must have."""

from edgeprune.ops.base import Op
from edgeprune.ops.pad.cases import cases
from edgeprune.ops.pad.frame import RULES, kernel, read_pad, reference
from edgeprune.ops.retype import wide_cases

PAD_S16 = Op("PAD", read_pad, RULES, reference, kernel, wide_cases(cases), types=("int16",))
