"""MUL in int16: the product of the inputs, rescaled once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.mul.cases import cases
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    multiplier: int
    shift: int
    act_min: int
    act_max: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = (int16_tensor(operands, operands.input(i)) for i in (0, 1))
    out = int16_tensor(operands, operands.output())
    return Params(
        read_shapes(operands),
        *quantize_multiplier(a.scale * b.scale / out.scale),
        *operands.activation_range(operands.options(ArithmeticOptions).activation, out),
    )


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def scales_are_near(p: Params) -> bool:
    """The product of the inputs' scales must be less than 2^30 times the output's scale."""
    return p.shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The product, broadcast."""
    a, b = inputs
    assert a is not None and b is not None
    scaled = multiply_by_quantized_multiplier(a.astype(np.int64) * b.astype(np.int64), p.multiplier, p.shift)
    return [np.clip(scaled, p.act_min, p.act_max).astype(np.int16).reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = ("multiplier", "shift", "act_min", "act_max")
    fields = (*loop_fields(p.shapes), *(Field("int32_t", name, getattr(p, name)) for name in names))
    return KernelCall("ep_mul_s16", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


MUL_S16 = Op(
    "MUL",
    read,
    (shapes_are_supported, scales_are_near),
    reference,
    kernel,
    wide_cases(cases),
    types=("int16",),
)
