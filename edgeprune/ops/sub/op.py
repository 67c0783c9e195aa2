"""SUB, int8: ADD's arithmetic with the second operand's sign turned, on ADD's kernel.

TFLM divides the scales in float32 here and in double for ADD, so the factors are not always ADD's.
"""

import numpy as np

from edgeprune.ops.add.op import EXTRA_BITS, RULES, Params, kernel, params_of, reference
from edgeprune.ops.base import Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.sub.cases import cases
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SUB."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    with np.errstate(over="ignore"):
        common = float(np.float32(2.0 * max(a.scale, b.scale)))
        fine = float(np.float32(2.0**EXTRA_BITS * out.scale))
    quotient = operands.float32_quotient
    factors = quotient(a.scale, common), quotient(b.scale, common), quotient(common, fine)
    return params_of(operands, (a, b, out), factors, sign=-1)


SUB = Op("SUB", read, RULES, reference, kernel, cases)
