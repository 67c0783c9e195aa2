"""SQUARED_DIFFERENCE, int8: both inputs are brought to a common scale with 7 more bits, then squared.

The common scale is twice the larger input scale, so neither factor exceeds 1/2, and 255 * 2^7 squared
fits 32 bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.broadcast import (
    SHAPES,
    Shapes,
    elementwise_lags,
    loop_fields,
    read_shapes,
    shapes_broadcast,
)
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
)
from edgeprune.ops.operands import Operands
from edgeprune.ops.squared_difference.plain import PLAIN_SQUARED_DIFFERENCE
from edgeprune.tflite.graph import Array, Node, QuantGraph

EXTRA_BITS = 7

SCALES = (
    ("zero_points_low", (0.1, -128), (0.2, -128), (0.3, -128)),
    ("zero_points_high", (0.1, 127), (0.2, 127), (0.3, 127)),
    ("zero_points_apart", (0.1, -128), (0.1, 127), (5.0, -100)),
    ("b_vanishes", (0.2, 4), (1e-12, 0), (0.5, 0)),
    ("output_fine", (0.1, 5), (0.3, 0), (1e-6, 0)),
    ("output_coarse", (0.1, 5), (0.3, 0), (70.0, 0)),
    ("ties", (0.54599589, 0), (0.54599589, 0), (5.96223, 0)),
)


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    zero_point_a: int
    multiplier_a: int
    shift_a: int
    zero_point_b: int
    multiplier_b: int
    shift_b: int
    zero_point: int
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; what divides the square is a product in float32."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    common = 2.0 * max(a.scale, b.scale)
    with np.errstate(over="ignore"):
        divisor = float(np.float32(1 << (2 * EXTRA_BITS)) * np.float32(out.scale))
    return Params(
        read_shapes(operands),
        a.zero_point,
        *quantize_multiplier(a.scale / common),
        b.zero_point,
        *quantize_multiplier(b.scale / common),
        out.zero_point,
        *quantize_multiplier(common * common / divisor),
    )


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def scales_are_near(p: Params) -> bool:
    """The larger input scale squared must be less than 2^42 times the output's scale."""
    return p.shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The square, broadcast."""
    a, b = inputs
    assert a is not None and b is not None
    wide_a = (a.astype(np.int64) - p.zero_point_a) << EXTRA_BITS
    wide_b = (b.astype(np.int64) - p.zero_point_b) << EXTRA_BITS
    scaled_a = multiply_by_quantized_multiplier(wide_a, p.multiplier_a, p.shift_a)
    scaled_b = multiply_by_quantized_multiplier(wide_b, p.multiplier_b, p.shift_b)
    square = (scaled_a.astype(np.int64) - scaled_b) ** 2
    return [requantize(square, p.multiplier, p.shift, p.zero_point, -128, 127).reshape(p.shapes.out)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = "zero_point_a multiplier_a shift_a zero_point_b multiplier_b shift_b zero_point multiplier shift"
    fields = (*loop_fields(p.shapes), *(Field("int32_t", name, getattr(p, name)) for name in names.split()))
    return KernelCall(
        "ep_squared_difference_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes)
    )


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every broadcast pattern, extreme scales, a constant."""
    name = "SQUARED_DIFFERENCE"
    for case, a, b in SHAPES:
        inputs = [activation(a, 0.07, 3), activation(b, 0.11, -9)]
        yield Case(case, one_op(name, inputs, activation(np.broadcast_shapes(a, b), 1.5, -90)))
    for case, a_scale, b_scale, out in SCALES:
        shape = (1, 4, 5, 13)
        inputs = [activation(shape, *a_scale), activation(shape, *b_scale)]
        yield Case(case, one_op(name, inputs, activation(shape, *out)))
    values = constant(rng.integers(-128, 128, (3,)).astype(np.int8), per_tensor(0.03, 17))
    shape = (1, 4, 5, 3)
    yield Case("constant_b", one_op(name, [activation(shape, 0.04, -11), values], activation(shape, 0.5, 2)))


RULES = (shapes_are_supported, scales_are_near)

SQUARED_DIFFERENCE = Op(
    "SQUARED_DIFFERENCE",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(PLAIN_SQUARED_DIFFERENCE,),
)
