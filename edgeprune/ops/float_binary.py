"""What ADD, SUB and MUL in float32 share: one rounded operation for each element, then the clamp."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.floats import FloatArray, clamp, float_range, float_tensor, range_fields
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import Cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    act_min: float
    act_max: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    for tensor in (operands.input(0), operands.input(1), operands.output()):
        float_tensor(operands, tensor)
    activation = operands.options(ArithmeticOptions).activation
    return Params(read_shapes(operands), *float_range(operands, activation))


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def float_binary(
    name: str, kernel: str, function: Callable[[FloatArray, FloatArray], FloatArray], cases: Cases
) -> Op[Params]:
    """The operator `name`, which computes `function`; `kernel` is the C that does it."""

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        a, b = inputs
        assert a is not None and b is not None
        with np.errstate(all="ignore"):
            result = function(a.astype(np.float32), b.astype(np.float32))
        return [clamp(result, p.act_min, p.act_max).reshape(p.shapes.out)]

    def call(p: Params, node: Node) -> KernelCall:
        fields = (*loop_fields(p.shapes), *range_fields(p.act_min, p.act_max))
        return KernelCall(kernel, fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))

    return Op(name, read, (shapes_are_supported,), reference, call, cases, types=("float32",))
