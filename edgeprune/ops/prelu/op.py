"""PRELU, int8: the input where it is 0 or more, else its product with a slope that broadcasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multiplier, requantize
from edgeprune.ops.operands import Operands
from edgeprune.ops.prelu.cases import cases
from edgeprune.ops.prelu.float32 import PRELU_F32
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    """`multiplier` is that of inputs that stay, `slope_multiplier` that of products."""

    shapes: Shapes
    zero_point_a: int
    zero_point_b: int
    zero_point: int
    multiplier: int
    shift: int
    slope_multiplier: int
    slope_shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, slope = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    return Params(
        read_shapes(operands),
        x.zero_point,
        slope.zero_point,
        out.zero_point,
        *quantize_multiplier(x.scale / out.scale),
        *quantize_multiplier(x.scale * slope.scale / out.scale),
    )


def shapes_are_supported(p: Params) -> bool:
    """The slopes' shape must broadcast to the input's, which is the output's, of at most six dimensions."""
    return p.shapes.a == p.shapes.out and shapes_broadcast(p.shapes)


def scales_are_near(p: Params) -> bool:
    """The input's scale, also times the slopes', must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT and p.slope_shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Both branches, of which the sign of the input selects."""
    a, b = inputs
    assert a is not None and b is not None
    x = a.astype(np.int64) - p.zero_point_a
    product = x * (b.astype(np.int64) - p.zero_point_b)
    same = requantize(x, p.multiplier, p.shift, p.zero_point, -128, 127)
    sloped = requantize(product, p.slope_multiplier, p.slope_shift, p.zero_point, -128, 127)
    return [np.where(x >= 0, same, sloped)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = "zero_point_a zero_point_b zero_point multiplier shift slope_multiplier slope_shift"
    fields = (*loop_fields(p.shapes), *(Field("int32_t", name, getattr(p, name)) for name in names.split()))
    return KernelCall("ep_prelu_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


RULES = (shapes_are_supported, scales_are_near)

PRELU = Op("PRELU", read, RULES, reference, kernel, cases, types=("int8",), others=(PRELU_F32,))
