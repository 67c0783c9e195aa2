"""MUL, int8: the product of the centred inputs, rescaled once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multiplier, requantize
from edgeprune.ops.mul.cases import cases
from edgeprune.ops.mul.float32 import MUL_F32
from edgeprune.ops.mul.int16 import MUL_S16
from edgeprune.ops.mul.int32 import MUL_S32
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    zero_point_a: int
    zero_point_b: int
    zero_point: int
    multiplier: int
    shift: int
    act_min: int
    act_max: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    return Params(
        read_shapes(operands),
        a.zero_point,
        b.zero_point,
        out.zero_point,
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
    product = (a.astype(np.int64) - p.zero_point_a) * (b.astype(np.int64) - p.zero_point_b)
    out = requantize(product, p.multiplier, p.shift, p.zero_point, p.act_min, p.act_max)
    return [out.reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = "zero_point_a zero_point_b zero_point multiplier shift act_min act_max"
    scalars = [Field("int32_t", name, getattr(p, name)) for name in names.split()]
    fields = (*loop_fields(p.shapes), *scalars)
    return KernelCall("ep_mul_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


MUL = Op(
    "MUL",
    read,
    (shapes_are_supported, scales_are_near),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(MUL_F32, MUL_S16, MUL_S32),
)
