"""ADD in int16."""

from edgeprune.ops.add.cases import cases
from edgeprune.ops.add.wide import RULES, kernel, read_add, reference
from edgeprune.ops.base import Op
from edgeprune.ops.retype import wide_cases

# Their output scales are too small for what 15 more bits can do.
TOO_FINE = ("output_fine", "output_finest")

ADD_S16 = Op("ADD", read_add, RULES, reference, kernel, wide_cases(cases, TOO_FINE), types=("int16",))
