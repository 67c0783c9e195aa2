"""LEAKY_RELU in int16: two factors, one for each sign of the input."""

import math

from edgeprune.ops.base import Op
from edgeprune.ops.fixedpoint import quantize_multiplier
from edgeprune.ops.leaky_relu.cases import cases
from edgeprune.ops.operands import Operands
from edgeprune.ops.rescale.rescale import Rescale, kernel, reference, scales_are_near
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Node, QuantGraph
from edgeprune.tflite.options import LeakyReluOptions


def read(graph: QuantGraph, node: Node) -> Rescale:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = int16_tensor(operands, operands.input(0)), int16_tensor(operands, operands.output())
    operands.same_shape(x, out)
    alpha = operands.options(LeakyReluOptions).alpha
    if not math.isfinite(alpha):
        raise operands.error(f"alpha is {alpha}")
    factors = quantize_multiplier(x.scale / out.scale), quantize_multiplier(x.scale * alpha / out.scale)
    return Rescale(x.shape, "int16", "int16", 0, *factors, 0, -32768, 32767)


LEAKY_RELU_S16 = Op(
    "LEAKY_RELU", read, (scales_are_near,), reference, kernel, wide_cases(cases), types=("int16",)
)
