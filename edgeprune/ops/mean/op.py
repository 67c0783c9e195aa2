"""MEAN, int8, over any axes: the sum in 32 bits, then one factor for scales and count together.

TFLM does not divide the sum. It divides the multiplier by the count, in integers and rounding down,
after shifting it left by as many bits as the count has, but by no more than 31 + the factor's own
shift: with a tiny factor bits are lost, and the mean with them. The new multiplier need not have
its highest bit set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multiplier, requantize
from edgeprune.ops.loops import MAX_RANK, Shape, contiguous_strides, loop_nest
from edgeprune.ops.mean.cases import cases
from edgeprune.ops.mean.float32 import MEAN_F32
from edgeprune.ops.mean.int16 import MEAN_S16
from edgeprune.ops.mean.mve import MEAN_MVE
from edgeprune.ops.mean.neon import MEAN_NEON
from edgeprune.ops.mean.reduction import mean_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ReducerOptions


@dataclass(frozen=True)
class Params:
    """`axes` are sorted, not negative, without repetition; `factor_shift` is that of the scales alone."""

    shape: Shape
    out_shape: Shape
    axes: tuple[int, ...]
    keep_dims: bool
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int
    factor_shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    axes = operands.integers(1)
    rank = len(x.shape)
    if not all(-rank <= axis < rank for axis in axes):
        raise operands.error(f"axes {axes} are not all axes of {x.shape}")
    positive = tuple(sorted({axis % rank for axis in axes}))
    multiplier, shift = quantize_multiplier(x.scale / out.scale)
    factor = (0, 0)
    if shift <= MAX_SHIFT and x.elements > 0:
        factor = mean_multiplier(multiplier, shift, prod(x.shape[axis] for axis in positive))
    keep_dims = operands.options(ReducerOptions).keep_dims
    return Params(x.shape, out.shape, positive, keep_dims, x.zero_point, out.zero_point, *factor, shift)


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    if p.keep_dims:
        expected = tuple(1 if d in p.axes else extent for d, extent in enumerate(p.shape))
    else:
        expected = tuple(extent for d, extent in enumerate(p.shape) if d not in p.axes)
    return p.out_shape == expected and len(p.shape) <= MAX_RANK and 0 not in p.shape


def sum_fits_32_bits(p: Params) -> bool:
    """The mean must be of fewer than 2^23 elements."""
    return prod(p.shape[axis] for axis in p.axes) < 1 << 23


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.factor_shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The mean over the axes."""
    x = inputs[0]
    assert x is not None
    total = (x.astype(np.int64) - p.in_zero_point).sum(axis=p.axes)
    return [requantize(total, p.multiplier, p.shift, p.out_zero_point, -128, 127).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the axes are in the loops, so it does not read their tensor."""
    strides = contiguous_strides(p.shape)
    kept = [d for d in range(len(p.shape)) if d not in p.axes]
    outer = loop_nest(tuple(p.shape[d] for d in kept), [strides[d] for d in kept])
    inner = loop_nest(tuple(p.shape[d] for d in p.axes), [strides[d] for d in p.axes])
    count = prod(p.shape[axis] for axis in p.axes)
    fields = (
        Field("int32_t", "kept_extents", outer.extents),
        Field("int32_t", "kept_strides", outer.strides[0]),
        Field("int32_t", "kept_count", outer.count),
        Field("int32_t", "kept_step", outer.steps[0]),
        Field("int32_t", "sum_extents", inner.extents),
        Field("int32_t", "sum_strides", inner.strides[0]),
        Field("int32_t", "sum_count", inner.count),
        Field("int32_t", "sum_step", inner.steps[0]),
        Field("int32_t", "offset", p.in_zero_point * count),
        Field("int32_t", "zero_point", p.out_zero_point),
        Field("int32_t", "multiplier", p.multiplier),
        Field("int32_t", "shift", p.shift),
    )
    return KernelCall("ep_mean_s8", fields, node.inputs[:1], node.outputs)


MEAN = Op(
    "MEAN",
    read,
    (shape_is_supported, sum_fits_32_bits, scales_are_near),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(MEAN_F32, MEAN_S16),
    variants=(MEAN_MVE, MEAN_NEON),
)
