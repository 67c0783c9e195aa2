"""SOFTMAX over the last dimension, int8 to int8, in gemmlowp's fixed point.

exp is a function of one number, the distance from the row's largest input, so it is a table in
flash: entry d is exp(-d * scale * beta) in Q0. Distances beyond the table count as exp = 0. The sum
is in Q12, its reciprocal comes from three Newton steps, in integers on the device too.

Differs: where a row's exponentials sum to 512 or more TFLM stops with an error. Every output then is
below half a step, so the kernel answers -128, which is what rounding gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, prod

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.fixedpoint import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from edgeprune.ops.gemmlowp import exp_on_negative_values, multiply, one_over_one_plus
from edgeprune.ops.operands import Operands
from edgeprune.ops.softmax.cases import cases
from edgeprune.ops.softmax.float32 import SOFTMAX_F32
from edgeprune.ops.softmax.int16 import SOFTMAX_S16
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import SoftmaxOptions

DIFF_BITS = 5
SUM_BITS = 12


@dataclass(frozen=True)
class Params:
    """`factor` is the input's scale times beta, in units of 2^-26."""

    rows: int
    depth: int
    factor: float
    multiplier: int
    shift: int
    out_scale: float
    out_zero_point: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    if not x.shape:
        raise operands.error("the input has no dimensions")
    beta = operands.options(SoftmaxOptions).beta
    factor = min(beta * x.scale * 2.0 ** (31 - DIFF_BITS), 2.0**31 - 1)
    pair = quantize_multiplier(factor)
    return Params(prod(x.shape[:-1]), x.shape[-1], factor, *pair, out.scale, out.zero_point)


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 1/256 and its zero point -128."""
    return p.out_scale == 1 / 256 and p.out_zero_point == -128


def factor_is_not_tiny(p: Params) -> bool:
    """beta times the input's scale must be larger than 2^-26."""
    return p.factor > 1.0


def sum_fits_32_bits(p: Params) -> bool:
    """The last dimension must have 1 to 4095 elements."""
    return 1 <= p.depth <= 4095


def exp_table(p: Params) -> npt.NDArray[np.int32]:
    """exp in Q0 for distances 0, 1, ... from the largest input, as far as TFLM computes it."""
    radius = floor(31 * 2.0**26 / 2.0**p.shift)
    entries = []
    for distance in range(min(radius, 255) + 1):
        entries.append(exp_on_negative_values(multiply(-distance << p.shift, p.multiplier), DIFF_BITS))
    return np.array(entries, np.int32)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row: exponentials, their sum, its reciprocal, the products."""
    x = inputs[0]
    assert x is not None
    table = exp_table(p)
    rows = x.reshape(p.rows, p.depth).astype(np.int64)
    out = np.empty(rows.shape, np.int8)
    for row, result in zip(rows, out, strict=True):
        distance = row.max() - row
        exps = np.where(distance < len(table), table[np.minimum(distance, len(table) - 1)], 0)
        total = int(rounding_divide_by_pot(exps, SUM_BITS).astype(np.int64).sum())
        leading_zeros = 32 - total.bit_length()
        exponent = SUM_BITS - leading_zeros + 31 - 8
        scale = one_over_one_plus((total << leading_zeros) - (1 << 31))
        shares = rounding_divide_by_pot(saturating_rounding_doubling_high_mul(scale, exps), min(exponent, 31))
        result[:] = np.minimum(shares - 128, 127) if exponent <= 31 else -128
    return [out.reshape(x.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel, with the table of exponentials in flash."""
    table = exp_table(p)
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "exp_count", len(table)),
        Field("int32_t", "exps", Constant(table)),
    )
    return KernelCall("ep_softmax_s8", fields, node.inputs, node.outputs, lags=((0, 0),))


RULES = (output_scale_is_fixed, factor_is_not_tiny, sum_fits_32_bits)

SOFTMAX = Op(
    "SOFTMAX",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(SOFTMAX_F32, SOFTMAX_S16),
)
