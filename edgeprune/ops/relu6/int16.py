"""RELU6 in int16: as in int8, TFLM clamps and never rescales, whatever the output's scale is."""

from edgeprune.ops.base import Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.relu6.cases import cases
from edgeprune.ops.rescale.rescale import ONE, Rescale, kernel, reference
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Rescale:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = int16_tensor(operands, operands.input(0)), int16_tensor(operands, operands.output())
    operands.same_shape(x, out)
    return Rescale(x.shape, "int16", "int16", 0, ONE, ONE, 0, *operands.activation_range("RELU6", x))


RELU6_S16 = Op("RELU6", read, (), reference, kernel, wide_cases(cases), types=("int16",))
