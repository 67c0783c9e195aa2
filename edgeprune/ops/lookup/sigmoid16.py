"""LOGISTIC and TANH in int16: a table of the sigmoid at multiples of 1/24, with straight lines between.

The input is brought to units of 3 * 2^-14 (1/24 is 512 of them for LOGISTIC, 256 for TANH, whose
argument is doubled): by a factor with 15 bits, or, where the scale is near enough to the power of two
that TFLM favours, by 3 times that power, whatever the scale exactly is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.ops.operands import Operands
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Node, QuantGraph

NEAR_POWER_OF_TWO = 1e-3
"""How far the base-2 logarithm of a scale may be from an integer to count as one."""

# Where TFLM's table is one above the rounded value.
_ONE_ABOVE = (
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44,
    45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
)  # fmt: skip


def _table() -> npt.NDArray[np.uint16]:
    """65536 times the sigmoid of i/24, at most 65535."""
    values = [round(65536 / (1 + math.exp(-i / 24))) + (i in _ONE_ABOVE) for i in range(256)]
    return np.array(values, np.uint16)


TABLE = _table()


@dataclass(frozen=True)
class Params:
    """The table's argument is (input * multiplier + half) >> shift; `out_log2` is the output scale's."""

    elements: int
    multiplier: int
    shift: int
    out_log2: float


def read_sigmoid(graph: QuantGraph, node: Node, plain_shifts: Sequence[int]) -> Params:
    """The parameters of `node`; input scales of about 2^(s - 12), s in `plain_shifts`, need no factor."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = int16_tensor(operands, operands.input(0)), int16_tensor(operands, operands.output())
    operands.same_shape(x, out)
    if not (x.scale > 0 and out.scale > 0):
        raise operands.error(f"the scales {x.scale} and {out.scale} must be positive")
    exact = math.log2(x.scale)
    plain = round(exact) + 12
    if abs(exact - round(exact)) < NEAR_POWER_OF_TWO and plain in plain_shifts:
        return Params(x.elements, 3 << plain, 0, math.log2(out.scale))
    factor, shift = x.scale * 4096.0 * 3.0, 0
    while factor <= 32767.0 / 2.0 and shift <= 30:
        factor, shift = factor * 2.0, shift + 1
    return Params(x.elements, int(factor), shift, math.log2(out.scale))


def input_scale_is_not_huge(p: Params) -> bool:
    """The input's scale must be less than 32768 / (3 * 4096)."""
    return p.multiplier <= 32767


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 2^-15, within a thousandth of its logarithm."""
    return abs(p.out_log2 + 15) < NEAR_POWER_OF_TWO


def arguments(p: Params, x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The table's arguments."""
    half = 1 << (p.shift - 1) if p.shift > 0 else 0
    return (x * p.multiplier + half) >> p.shift


def between(magnitude: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.int64]:
    """The table at `magnitude` / 2^bits, times 2^bits, for what lies inside of it."""
    whole, rest = np.minimum(magnitude >> bits, 254), magnitude & ((1 << bits) - 1)
    table = TABLE.astype(np.int64)
    values: npt.NDArray[np.int64] = (table[whole] << bits) + rest * (table[whole + 1] - table[whole])
    return values


def sigmoid_call(kernel: str, p: Params, node: Node) -> KernelCall:
    """The call of `kernel`, with the table in flash."""
    fields = (
        Field("int32_t", "count", p.elements),
        Field("int32_t", "multiplier", p.multiplier),
        Field("int32_t", "shift", p.shift),
        Field("uint16_t", "table", Constant(TABLE)),
    )
    return KernelCall(kernel, fields, node.inputs, node.outputs, lags=((0, 0),))
