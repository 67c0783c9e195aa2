"""DIV, int8: the first input, shifted left as far as it goes, times a Newton reciprocal of the second.

The product's shift right is often 32 or more where both inputs are small: 0 / b nearly always has it.
Neither that nor b = 0 has a meaning in TFLM's C. TFLM on an x86 shifts by the count modulo 32, and
adds 1 where the product is not negative; its reciprocal of 0 is -0.71. So do we.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.div.cases import cases
from edgeprune.ops.div.float32 import DIV_F32
from edgeprune.ops.fixedpoint import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from edgeprune.ops.gemmlowp import one_over_one_plus
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ArithmeticOptions

RECIPROCAL_OF_0 = -1515870788
"""What three steps of Newton's division make of it, in Q0."""


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
    divisor = b.scale * out.scale
    if divisor == 0.0:
        raise operands.error(f"the scales {b.scale} and {out.scale} are too small")
    return Params(
        read_shapes(operands),
        a.zero_point,
        b.zero_point,
        out.zero_point,
        *quantize_multiplier(a.scale / divisor),
        *operands.activation_range(operands.options(ArithmeticOptions).activation, out),
    )


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def scales_are_near(p: Params) -> bool:
    """The first scale over the product of the others must be at least 2^-25 and less than 2^23."""
    return p.multiplier != 0 and -24 <= p.shift <= 23


def bits_of(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many bits each of `x`, below 2^52, has without leading zeros."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The quotient, broadcast."""
    a, b = inputs
    assert a is not None and b is not None
    y = b.astype(np.int64) - p.zero_point_b
    x = (a.astype(np.int64) - p.zero_point_a) * np.where(y < 0, -1, 1)
    y = np.abs(y)
    table = [RECIPROCAL_OF_0]
    for value in range(1, 256):
        table.append(one_over_one_plus((value << (32 - value.bit_length())) - (1 << 31)))
    headroom = 31 - bits_of(np.where(x < 0, ~x, x))
    unscaled = saturating_rounding_doubling_high_mul(x << headroom, np.array(table)[y])
    product = saturating_rounding_doubling_high_mul(unscaled, p.multiplier)
    exponent = bits_of(y) - 1 + headroom - p.shift
    near = rounding_divide_by_pot(product, np.minimum(exponent, 31))
    far = (product >> np.maximum(exponent - 32, 0).astype(np.int32)) + (product >= 0)
    scaled = np.where(exponent < 32, near, far)
    out = np.clip(scaled.astype(np.int64) + p.zero_point, p.act_min, p.act_max)
    return [out.astype(np.int8).reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = "zero_point_a zero_point_b zero_point multiplier shift act_min act_max"
    scalars = [Field("int32_t", name, getattr(p, name)) for name in names.split()]
    fields = (*loop_fields(p.shapes), *scalars)
    return KernelCall("ep_div_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


RULES = (shapes_are_supported, scales_are_near)

DIV = Op("DIV", read, RULES, reference, kernel, cases, types=("int8",), others=(DIV_F32,))
