"""READ_VARIABLE: a variable's value as it is now, whatever is assigned to the variable later.

In the file its input is a handle; tflite/variables.py has put the variable there. Where no assignment
follows before the value's last use, no copy is made (memory/variables.py).
"""

from edgeprune.ops.base import Op
from edgeprune.ops.copy.copy import kernel, read, reference
from edgeprune.ops.read_variable.cases import cases

READ_VARIABLE = Op("READ_VARIABLE", read, (), reference, kernel, cases)
