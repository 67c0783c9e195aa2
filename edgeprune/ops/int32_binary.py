"""What ADD, SUB and MUL of int32 without scales share: results wrap, then the clamp."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import dtype_range, wrap_int32
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import Cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import Activation, ArithmeticOptions

Int64Array = npt.NDArray[np.int64]

LOW, HIGH = dtype_range("int32")

_RANGES: dict[Activation, tuple[int, int]] = {
    "NONE": (LOW, HIGH),
    "RELU": (0, HIGH),
    "RELU_N1_TO_1": (-1, 1),
    "RELU6": (0, 6),
}


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    act_min: int
    act_max: int


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def int32_binary(
    name: str,
    kernel: str,
    function: Callable[[Int64Array, Int64Array], Int64Array],
    cases: Cases,
    ignores_activation: bool = False,
) -> Op[Params]:
    """The operator `name`, which computes `function`; `kernel` is the C that does it."""

    def read(graph: QuantGraph, node: Node) -> Params:
        operands = Operands(graph, node)
        operands.count(2, 2)
        for tensor in (operands.input(0), operands.input(1), operands.output()):
            if tensor.dtype != "int32" or tensor.quantization is not None:
                raise operands.error(f"{tensor.name!r} is {tensor.dtype}, must be int32 without a scale")
        activation = operands.options(ArithmeticOptions).activation
        if activation not in _RANGES:
            raise operands.error(f"the fused activation {activation} is not supported")
        bounds = _RANGES["NONE" if ignores_activation else activation]
        return Params(read_shapes(operands), *bounds)

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        a, b = inputs
        assert a is not None and b is not None
        result = wrap_int32(function(a.astype(np.int64), b.astype(np.int64)))
        return [np.clip(result, p.act_min, p.act_max).reshape(p.shapes.out)]

    def call(p: Params, node: Node) -> KernelCall:
        bounds = Field("int32_t", "act_min", p.act_min), Field("int32_t", "act_max", p.act_max)
        fields = (*loop_fields(p.shapes), *bounds)
        return KernelCall(kernel, fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))

    return Op(name, read, (shapes_are_supported,), reference, call, cases, types=("int32",))
