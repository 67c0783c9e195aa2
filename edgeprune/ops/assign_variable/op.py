"""ASSIGN_VARIABLE: a variable takes a value, which it keeps until the next assignment or a reset.

In the file the variable is a handle among the inputs; tflite/variables.py has made it the output.
Where nothing looks at the old value any more, the value is made in the variable's place, and no copy is
needed (memory/variables.py).
"""

from edgeprune.ops.assign_variable.cases import cases
from edgeprune.ops.base import Op
from edgeprune.ops.copy.copy import kernel, read, reference

ASSIGN_VARIABLE = Op("ASSIGN_VARIABLE", read, (), reference, kernel, cases)
