"""RELU as a layer of its own, int8 to int8, with rescaling."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.ops.relu.cases import cases
from edgeprune.ops.relu.float32 import RELU_F32
from edgeprune.ops.relu.int16 import RELU_S16
from edgeprune.tflite.graph import Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    multiplier, shift = quantize_multiplier(x.scale / out.scale)
    return Params(x.elements, x.zero_point, out.zero_point, multiplier, shift)


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    centred = INT8_VALUES.astype(np.int64) - p.in_zero_point
    scaled = multiply_by_quantized_multiplier(centred, p.multiplier, p.shift).astype(np.int64)
    return int8_table(np.maximum(scaled + p.out_zero_point, p.out_zero_point))


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


RELU = Op(
    "RELU",
    read,
    (scales_are_near,),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(RELU_F32, RELU_S16),
)
