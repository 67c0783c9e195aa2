"""LOG_SOFTMAX over the last dimension, int8 to int8, in gemmlowp's fixed point.

The logarithm of a row's softmax is minus the distance from the row's largest input, minus the logarithm
of the sum of the exponentials of all distances. exp is a table in flash: entry d is exp(-d * scale) in
Q0, distances beyond it count as 0. The sum is in Q12, logarithms are in Q5, on the device too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, prod

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Case, Constant, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
)
from edgeprune.ops.gemmlowp import exp_on_negative_values, log_of_one_or_more, multiply
from edgeprune.ops.log_softmax.float32 import LOG_SOFTMAX_F32
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

DIFF_BITS = 5
SUM_BITS = 12
OUT_BITS = 4
OUTPUT = (1 / 16, 127)


@dataclass(frozen=True)
class Params:
    """`factor` is the input's scale in units of 2^-26; `back_factor` undoes the multiplier."""

    rows: int
    depth: int
    factor: float
    multiplier: int
    shift: int
    back_factor: float
    back_multiplier: int
    back_shift: int
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
    factor = min(x.scale * 2.0 ** (31 - DIFF_BITS), 2.0**31 - 1)
    multiplier, shift = quantize_multiplier(factor)
    back = 2.0 ** (31 - shift) / multiplier if multiplier else 0.0
    pairs = (factor, multiplier, shift, back, *quantize_multiplier(back))
    return Params(prod(x.shape[:-1]), x.shape[-1], *pairs, out.scale, out.zero_point)


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 1/16 and its zero point 127."""
    return (p.out_scale, p.out_zero_point) == OUTPUT


def factor_is_not_tiny(p: Params) -> bool:
    """The input's scale must be larger than 2^-26."""
    return p.factor > 1.0 and p.back_factor < 1.0


def sum_fits_32_bits(p: Params) -> bool:
    """The last dimension must have 1 to 4095 elements."""
    return 1 <= p.depth <= 4095


def distances(p: Params) -> npt.NDArray[np.int32]:
    """Minus the distances 0, 1, ... from the largest input in Q5, as far as TFLM computes them."""
    radius = floor(31 * 2.0**26 / 2.0**p.shift)
    count = min(radius, 255) + 1
    return np.array([multiply(-d << p.shift, p.multiplier) for d in range(count)], np.int32)


def exp_table(p: Params) -> npt.NDArray[np.int32]:
    """exp in Q0 of `distances`."""
    return np.array([exp_on_negative_values(int(d), DIFF_BITS) for d in distances(p)], np.int32)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row."""
    x = inputs[0]
    assert x is not None
    steps, exps = distances(p), exp_table(p)
    rows = x.reshape(p.rows, p.depth).astype(np.int64)
    out = np.empty(rows.shape, np.int8)
    for row, result in zip(rows, out, strict=True):
        distance = row.max() - row
        inside = np.minimum(distance, len(exps) - 1)
        shares = np.where(distance < len(exps), rounding_divide_by_pot(exps[inside], SUM_BITS), 0)
        log_sum = log_of_one_or_more(int(shares.sum()), SUM_BITS, DIFF_BITS)
        lowest = log_sum - (1 << 31)
        reach = -int(multiply_by_quantized_multiplier(lowest, p.back_multiplier, p.back_shift))
        units = rounding_divide_by_pot(steps[inside] - log_sum, 31 - DIFF_BITS - OUT_BITS)
        near = distance < min(len(exps), reach)
        result[:] = np.where(near, np.clip(units + 127, -128, 127), -128)
    return [out.reshape(x.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel, with the table of exponentials in flash."""
    table = exp_table(p)
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "exp_count", len(table)),
        Field("int32_t", "exps", Constant(table)),
        Field("int32_t", "multiplier", p.multiplier),
        # With a larger shift only the distance 0 is within the table.
        Field("int32_t", "shift", min(p.shift, MAX_SHIFT)),
        Field("int32_t", "back_multiplier", p.back_multiplier),
        Field("int32_t", "back_shift", p.back_shift),
    )
    return KernelCall("ep_log_softmax_s8", fields, node.inputs, node.outputs, lags=((0, 0),))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Rows of 1 to 500, every rank, tables that end early and late."""
    for name, shape, scale in (
        ("ten_classes", (1, 10), 0.15),
        ("one_class", (1, 3, 1), 0.1),
        ("two_classes", (1, 2), 0.05),
        ("vector", (7,), 0.1),
        ("image", (1, 3, 4, 5), 0.08),
        ("rank_5", (1, 2, 2, 2, 6), 0.08),
        ("many", (1, 500), 0.1),
        ("most", (1, 4095), 0.02),
        ("many_rows", (1, 500, 3), 0.05),
        ("flat", (1, 300), 1e-6),
        ("flattest", (1, 300), 2.0**-26 * 1.01),
        ("steep", (1, 4, 30), 3.0),
        ("table_of_two", (1, 4, 30), 16.5),
        ("table_of_one", (1, 4, 30), 40.0),
        ("capped", (1, 4, 30), 1e6),
    ):
        yield Case(name, one_op("LOG_SOFTMAX", [activation(shape, scale, 11)], activation(shape, *OUTPUT)))


RULES = (output_scale_is_fixed, factor_is_not_tiny, sum_fits_32_bits)

LOG_SOFTMAX = Op(
    "LOG_SOFTMAX", read, RULES, reference, kernel, cases, types=("int8",), others=(LOG_SOFTMAX_F32,)
)
