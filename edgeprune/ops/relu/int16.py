"""RELU in int16, with rescaling."""

from edgeprune.ops.base import Op
from edgeprune.ops.fixedpoint import quantize_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.ops.relu.cases import cases
from edgeprune.ops.rescale.rescale import Rescale, kernel, reference, scales_are_near
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Rescale:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = int16_tensor(operands, operands.input(0)), int16_tensor(operands, operands.output())
    operands.same_shape(x, out)
    factor = quantize_multiplier(x.scale / out.scale)
    return Rescale(x.shape, "int16", "int16", 0, factor, factor, 0, 0, 32767)


RELU_S16 = Op("RELU", read, (scales_are_near,), reference, kernel, wide_cases(cases), types=("int16",))
