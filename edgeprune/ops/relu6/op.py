"""RELU6 as a layer of its own, int8 to int8.

TFLM clamps the integers between the input's zero point and its 6.0 and never rescales: where the
output's scale or zero point differ from the input's, it ignores them (LiteRT rescales). We compute
what TFLM computes. A RELU6 fused into the layer before it does not have this flaw.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.ops.relu6.cases import cases
from edgeprune.ops.relu6.float32 import RELU6_F32
from edgeprune.ops.relu6.int16 import RELU6_S16
from edgeprune.tflite.graph import Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    low: int
    high: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    return Params(x.elements, *operands.activation_range("RELU6", x))


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    return int8_table(np.clip(INT8_VALUES, p.low, p.high))


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


RELU6 = Op(
    "RELU6",
    read,
    (),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(RELU6_F32, RELU6_S16),
)
