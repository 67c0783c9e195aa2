"""HARD_SWISH, int8 to int8: x times x + 3 held between 0 and 6, over 6, in 16-bit fixed point.

The factor between 0 and 1 is (x / 3 + 1) / 2, with x / 3 saturated to [-1, 1) in units of 2^-15.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import quantize_multiplier
from edgeprune.ops.gemmlowp import shift_right
from edgeprune.ops.hard_swish.float32 import HARD_SWISH_F32
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Node, QuantGraph

HIGH_BITS = 7
"""Inputs are shifted left by as many: 255 * 2^7 still fits 16 bits."""


@dataclass(frozen=True)
class Params:
    """Multipliers have 15 bits: factor = multiplier / 2^15 * 2^shift."""

    elements: int
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int
    third_multiplier: int
    third_shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; the factors are divided in float32."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    with np.errstate(over="ignore", under="ignore"):
        high_scale = np.float32(1 / (1 << HIGH_BITS)) * np.float32(x.scale)
        factor = float(high_scale / np.float32(out.scale))
        third = float(high_scale / (np.float32(3.0) / np.float32(1 << 15)))
    if not factor < float("inf") > third:
        raise operands.error(f"the scales {x.scale} and {out.scale} are too far apart")
    pairs = (*multiplier_of_15_bits(factor), *multiplier_of_15_bits(third))
    return Params(x.elements, x.zero_point, out.zero_point, *pairs)


def multiplier_of_15_bits(real: float) -> tuple[int, int]:
    """`real` as a 15-bit multiplier and a shift left."""
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), shift


def scales_are_near(p: Params) -> bool:
    """The input's scale must be at most 2^7 and at least 2^-8 times the output's."""
    return p.multiplier != 0 and -15 <= p.shift <= 0


def input_scale_is_usual(p: Params) -> bool:
    """The input's scale must be at least 2^-21 and at most 2^24."""
    return p.third_multiplier != 0 and -15 <= p.third_shift <= 30


def high_mul(a: int, b: int) -> int:
    """a * b / 2^15, rounded to nearest; not of -2^15 twice."""
    return (a * b + (1 << 14)) >> 15


def saturated(x: int) -> int:
    """`x` in 16 bits."""
    return max(-(1 << 15), min((1 << 15) - 1, x))


def hard_swish(p: Params, value: int) -> int:
    """The output, not yet held in 8 bits, for an input less its zero point."""
    high = value << HIGH_BITS
    third = high
    if p.third_shift > 0:
        third = saturated(high << (p.third_shift - 1))
    third = high_mul(third, p.third_multiplier)
    third = saturated(third << 1) if p.third_shift > 0 else shift_right(third, -p.third_shift)
    share = (third + (1 << 15)) >> 1
    product = share * high_mul(high, p.multiplier)
    toward_zero = abs(product) >> 15
    return shift_right(toward_zero if product >= 0 else -toward_zero, -p.shift) + p.out_zero_point


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    centred = INT8_VALUES.astype(np.int64) - p.in_zero_point
    return int8_table([hard_swish(p, int(value)) for value in centred])


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """All three parts of the function, scales that need a shift of either kind."""
    for name, x, out in (
        ("usual", (0.06, 3), (0.04, -118)),
        ("zero_points_low", (0.1, -128), (0.1, -128)),
        ("zero_points_high", (0.02, 127), (0.01, 127)),
        ("wide", (2.0, 0), (1.0, 0)),
        ("narrow", (1e-3, 0), (1e-4, 0)),
        ("narrowest", (1e-6, -30), (1e-6, 0)),
        ("output_fine", (0.1, 0), (0.1 / 120, 0)),
        ("output_coarse", (0.1, 0), (10.0, 0)),
    ):
        x_tensor, out_tensor = activation((1, 6, 43), *x), activation((1, 6, 43), *out)
        yield Case(name, one_op("HARD_SWISH", [x_tensor], out_tensor))


HARD_SWISH = Op(
    "HARD_SWISH",
    read,
    (scales_are_near, input_scale_is_usual),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(HARD_SWISH_F32,),
)
