"""SUM, int8, over any axes: MEAN without the division, so MEAN's kernel with another factor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multiplier, requantize
from edgeprune.ops.mean.reduction import Reduction, read_reduction
from edgeprune.ops.operands import Operands
from edgeprune.ops.sum.cases import cases
from edgeprune.ops.sum.float32 import SUM_F32
from edgeprune.ops.sum.int16 import SUM_S16
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    reduction: Reduction
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    factor = quantize_multiplier(x.scale / out.scale)
    return Params(read_reduction(operands), x.zero_point, out.zero_point, *factor)


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    return p.reduction.is_supported


def sum_fits_32_bits(p: Params) -> bool:
    """The sum must be of fewer than 2^23 elements."""
    return p.reduction.count < 1 << 23


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum over the axes."""
    x = inputs[0]
    assert x is not None
    total = (x.astype(np.int64) - p.in_zero_point).sum(axis=p.reduction.axes)
    out = requantize(total, p.multiplier, p.shift, p.out_zero_point, -128, 127)
    return [out.reshape(p.reduction.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """MEAN's kernel; the axes are in the loops, so it does not read their tensor."""
    fields = (
        *p.reduction.c_fields(),
        Field("int32_t", "offset", p.in_zero_point * p.reduction.count),
        Field("int32_t", "zero_point", p.out_zero_point),
        Field("int32_t", "multiplier", p.multiplier),
        Field("int32_t", "shift", p.shift),
    )
    return KernelCall("ep_mean_s8", fields, node.inputs[:1], node.outputs)


RULES = (shape_is_supported, sum_fits_32_bits, scales_are_near)

SUM = Op("SUM", read, RULES, reference, kernel, cases, types=("int8",), others=(SUM_F32, SUM_S16))
