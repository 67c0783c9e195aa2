"""ADD, int8: both inputs are brought to a common scale with 20 more bits, added and rescaled.

The common scale is twice the larger input scale, so neither factor exceeds 1/2 and the sum fits
32 bits. SUB is the same with the second operand's sign turned after its rescaling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.add.cases import cases
from edgeprune.ops.add.dsp import ADD_DSP
from edgeprune.ops.add.float32 import ADD_F32
from edgeprune.ops.add.int16 import ADD_S16
from edgeprune.ops.add.int32 import ADD_S32
from edgeprune.ops.add.m0 import ADD_M0
from edgeprune.ops.add.mve import ADD_MVE
from edgeprune.ops.add.neon import ADD_NEON
from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, requantize
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions

EXTRA_BITS = 20


@dataclass(frozen=True)
class Params:
    """`sign` is the second operand's: 1 for ADD, -1 for SUB."""

    shapes: Shapes
    sign: int
    zero_point_a: int
    multiplier_a: int
    shift_a: int
    zero_point_b: int
    multiplier_b: int
    shift_b: int
    zero_point: int
    factor: float
    multiplier: int
    shift: int
    act_min: int
    act_max: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of an ADD."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    common = 2.0 * max(a.scale, b.scale)
    factor = common / (2.0**EXTRA_BITS * out.scale)
    act_min, act_max = operands.activation_range(operands.options(ArithmeticOptions).activation, out)
    return Params(
        read_shapes(operands),
        1,
        a.zero_point,
        *quantize_multiplier(a.scale / common),
        b.zero_point,
        *quantize_multiplier(b.scale / common),
        out.zero_point,
        factor,
        *quantize_multiplier(factor),
        act_min,
        act_max,
    )


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def output_scale_is_not_tiny(p: Params) -> bool:
    """The output's scale must be larger than 2^-19 times the larger input scale."""
    return 0.0 < p.factor < 1.0 and p.shift <= 0


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum, broadcast, or the difference."""
    a, b = inputs
    assert a is not None and b is not None
    wide_a = (a.astype(np.int64) - p.zero_point_a) << EXTRA_BITS
    wide_b = (b.astype(np.int64) - p.zero_point_b) << EXTRA_BITS
    scaled_a = multiply_by_quantized_multiplier(wide_a, p.multiplier_a, p.shift_a)
    scaled_b = multiply_by_quantized_multiplier(wide_b, p.multiplier_b, p.shift_b)
    total = scaled_a.astype(np.int64) + p.sign * scaled_b.astype(np.int64)
    out = requantize(total, p.multiplier, p.shift, p.zero_point, p.act_min, p.act_max)
    return [out.reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """One kernel adds and subtracts."""
    names = (
        "sign zero_point_a multiplier_a shift_a zero_point_b multiplier_b shift_b zero_point multiplier shift"
    )
    scalars = [Field("int32_t", name, getattr(p, name)) for name in f"{names} act_min act_max".split()]
    fields = (*loop_fields(p.shapes), *scalars)
    return KernelCall("ep_add_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


RULES = (shapes_are_supported, output_scale_is_not_tiny)

ADD = Op(
    "ADD",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    variants=(ADD_M0, ADD_DSP, ADD_MVE, ADD_NEON),
    others=(ADD_F32, ADD_S16, ADD_S32),
)
