"""LEAKY_RELU, int8 to int8: two factors, one for each sign of the input."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.leaky_relu.cases import cases
from edgeprune.ops.leaky_relu.float32 import LEAKY_RELU_F32
from edgeprune.ops.leaky_relu.int16 import LEAKY_RELU_S16
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Node, QuantGraph
from edgeprune.tflite.options import LeakyReluOptions


@dataclass(frozen=True)
class Params:
    elements: int
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int
    alpha_multiplier: int
    alpha_shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    alpha = operands.options(LeakyReluOptions).alpha
    if not math.isfinite(alpha):
        raise operands.error(f"alpha is {alpha}")
    return Params(
        x.elements,
        x.zero_point,
        out.zero_point,
        *quantize_multiplier(x.scale / out.scale),
        *quantize_multiplier(x.scale * alpha / out.scale),
    )


def scales_are_near(p: Params) -> bool:
    """The input's scale, also times alpha, must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT and p.alpha_shift <= MAX_SHIFT


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`.

    A negative alpha is applied as its magnitude, and the product's sign is turned after rounding.
    """
    x = INT8_VALUES.astype(np.int64) - p.in_zero_point
    positive = multiply_by_quantized_multiplier(x, p.multiplier, p.shift).astype(np.int64)
    negative = multiply_by_quantized_multiplier(x, abs(p.alpha_multiplier), p.alpha_shift).astype(np.int64)
    if p.alpha_multiplier < 0:
        negative = -negative
    return int8_table(np.where(x >= 0, positive, negative) + p.out_zero_point)


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


LEAKY_RELU = Op(
    "LEAKY_RELU",
    read,
    (scales_are_near,),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(LEAKY_RELU_F32, LEAKY_RELU_S16),
)
