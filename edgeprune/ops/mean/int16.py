"""MEAN in int16: the sum in 32 bits, then one factor for scales and count together, as in int8."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.mean.cases import cases
from edgeprune.ops.mean.reduction import Reduction, mean_multiplier, read_reduction
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    """`factor_shift` is that of the scales alone."""

    reduction: Reduction
    multiplier: int
    shift: int
    factor_shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x = int16_tensor(operands, operands.input(0))
    out = int16_tensor(operands, operands.output())
    reduction = read_reduction(operands)
    multiplier, shift = quantize_multiplier(x.scale / out.scale)
    factor = (0, 0)
    if shift <= MAX_SHIFT and reduction.count > 0:
        factor = mean_multiplier(multiplier, shift, reduction.count)
    return Params(reduction, *factor, shift)


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    return p.reduction.is_supported


def sum_fits_32_bits(p: Params) -> bool:
    """The mean must be of fewer than 2^16 elements."""
    return p.reduction.count < 1 << 16


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.factor_shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The mean over the axes."""
    assert inputs[0] is not None
    total = inputs[0].astype(np.int64).sum(axis=p.reduction.axes)
    scaled = multiply_by_quantized_multiplier(total, p.multiplier, p.shift)
    return [np.clip(scaled, -32768, 32767).astype(np.int16).reshape(p.reduction.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the axes are in the loops, so it does not read their tensor."""
    fields = (
        *p.reduction.c_fields(),
        Field("int32_t", "multiplier", p.multiplier),
        Field("int32_t", "shift", p.shift),
    )
    return KernelCall("ep_mean_s16", fields, node.inputs[:1], node.outputs)


MEAN_S16 = Op(
    "MEAN",
    read,
    (shape_is_supported, sum_fits_32_bits, scales_are_near),
    reference,
    kernel,
    wide_cases(cases),
    types=("int16",),
)
