"""ADD and SUB in int16: as in int8, but with 15 more bits than the inputs have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions

EXTRA_BITS = 15


@dataclass(frozen=True)
class Params:
    """`sign` is the second operand's: 1 for ADD, -1 for SUB."""

    shapes: Shapes
    sign: int
    multiplier_a: int
    shift_a: int
    multiplier_b: int
    shift_b: int
    factor: float
    multiplier: int
    shift: int
    act_min: int
    act_max: int


def read_add(graph: QuantGraph, node: Node) -> Params:
    """The parameters of an ADD; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = (int16_tensor(operands, operands.input(i)) for i in (0, 1))
    out = int16_tensor(operands, operands.output())
    common = 2.0 * max(a.scale, b.scale)
    factor = common / (2.0**EXTRA_BITS * out.scale)
    return Params(
        read_shapes(operands),
        1,
        *quantize_multiplier(a.scale / common),
        *quantize_multiplier(b.scale / common),
        factor,
        *quantize_multiplier(factor),
        *operands.activation_range(operands.options(ArithmeticOptions).activation, out),
    )


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def output_scale_is_not_tiny(p: Params) -> bool:
    """The output's scale must be larger than 2^-14 times the larger input scale."""
    return 0.0 < p.factor < 1.0 and p.shift <= 0


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum, broadcast, or the difference."""
    a, b = inputs
    assert a is not None and b is not None
    left = multiply_by_quantized_multiplier(a.astype(np.int64) << EXTRA_BITS, p.multiplier_a, p.shift_a)
    right = multiply_by_quantized_multiplier(b.astype(np.int64) << EXTRA_BITS, p.multiplier_b, p.shift_b)
    total = left.astype(np.int64) + p.sign * right.astype(np.int64)
    scaled = multiply_by_quantized_multiplier(total, p.multiplier, p.shift)
    return [np.clip(scaled, p.act_min, p.act_max).astype(np.int16).reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """One kernel adds and subtracts."""
    names = "sign multiplier_a shift_a multiplier_b shift_b multiplier shift act_min act_max"
    scalars = [Field("int32_t", name, getattr(p, name)) for name in names.split()]
    fields = (*loop_fields(p.shapes), *scalars)
    return KernelCall("ep_add_s16", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


RULES = (shapes_are_supported, output_scale_is_not_tiny)
