"""LOGISTIC and TANH, int8 to int8: functions that TFLM computes in fixed point with x in Q4.

Inputs of magnitude 15 or more saturate before the function is computed. TFLM asks first whether x
is at or below the lower limit, so with an input scale of 8 or more, where both limits are 0, even
x = 0 gives the lowest output. The scale of the output is fixed: TFLM does not look at it, so a rule
refuses any other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.gemmlowp import shift_right
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Node, QuantGraph

INTEGER_BITS = 4


@dataclass(frozen=True)
class Params:
    """x in Q4 is (input - in_zero_point) * multiplier / 2^31 * 2^shift."""

    elements: int
    in_zero_point: int
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
    multiplier, shift = quantize_multiplier(x.scale * 2.0 ** (31 - INTEGER_BITS))
    return Params(x.elements, x.zero_point, multiplier, shift, out.scale, out.zero_point)


def input_scale_is_not_tiny(p: Params) -> bool:
    """The input's scale must be at least 2^-28."""
    return p.multiplier != 0 and p.shift >= 0


def table(p: Params, function: Callable[[int, int], int], fraction_bits: int) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`: `function` of x in Q4, of which `fraction_bits` are kept."""
    radius = math.floor(15 * 2.0**27 / 2.0**p.shift)
    centred = INT8_VALUES.astype(np.int64) - p.in_zero_point
    inside = np.where(np.abs(centred) < radius, centred, 0)
    q4 = multiply_by_quantized_multiplier(inside, p.multiplier, p.shift if radius > 0 else 0)
    q0 = [function(int(x), INTEGER_BITS) for x in q4]
    kept = np.array([shift_right(y, 31 - fraction_bits) for y in q0]) + p.out_zero_point
    return int8_table(np.where(centred <= -radius, -128, np.where(centred >= radius, 127, kept)))
