"""SUM, int16, over any axes: in 32 bits, then rescaled; MEAN's kernel with another factor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.mean.reduction import Reduction, read_reduction
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.sum.cases import cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    reduction: Reduction
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x = int16_tensor(operands, operands.input(0))
    out = int16_tensor(operands, operands.output())
    return Params(read_reduction(operands), *quantize_multiplier(x.scale / out.scale))


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    return p.reduction.is_supported


def sum_fits_32_bits(p: Params) -> bool:
    """The sum must be of fewer than 2^16 elements."""
    return p.reduction.count < 1 << 16


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum over the axes."""
    x = inputs[0]
    assert x is not None
    total = x.astype(np.int64).sum(axis=p.reduction.axes)
    scaled = multiply_by_quantized_multiplier(total, p.multiplier, p.shift)
    return [np.clip(scaled, -32768, 32767).astype(np.int16).reshape(p.reduction.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """MEAN's kernel; the axes are in the loops, so it does not read their tensor."""
    factor = (Field("int32_t", "multiplier", p.multiplier), Field("int32_t", "shift", p.shift))
    return KernelCall("ep_mean_s16", (*p.reduction.c_fields(), *factor), node.inputs[:1], node.outputs)


RULES = (shape_is_supported, sum_fits_32_bits, scales_are_near)

SUM_S16 = Op("SUM", read, RULES, reference, kernel, wide_cases(cases), types=("int16",))
