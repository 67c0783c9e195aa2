"""FULLY_CONNECTED: every output is a weighted sum of all inputs of its row.

Scales are multiplied in double precision. (TFLM's source multiplies input and filter scale in float32
where the filter has one scale; its wheel of 2026-10-23 does not, which the case
"one scale, double product" tells apart.) Results round twice; LiteRT rounds once, and differs from
TFLM here. Only a filter with one scale may have a zero point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.convolution import (
    Int32Array,
    Requantization,
    channel_factors,
    largest_accumulator,
    read_bias,
    read_filter,
    read_requantization,
)
from edgeprune.ops.fully_connected.cases import cases
from edgeprune.ops.fully_connected.dsp import FULLY_CONNECTED_DSP, FULLY_CONNECTED_DSP_DIRECT
from edgeprune.ops.fully_connected.float32 import FULLY_CONNECTED_F32
from edgeprune.ops.fully_connected.int16 import FULLY_CONNECTED_S16
from edgeprune.ops.fully_connected.m0 import FULLY_CONNECTED_M0
from edgeprune.ops.fully_connected.mve import FULLY_CONNECTED_MVE
from edgeprune.ops.fully_connected.neon import FULLY_CONNECTED_DOT, FULLY_CONNECTED_NEON
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph, Tensor
from edgeprune.tflite.options import FullyConnectedOptions


@dataclass(frozen=True, eq=False)
class Params:
    """`filters` is (channels, depth).

    `folded_bias` is the bias with both zero points multiplied out over the weights.
    `bias_error` is how far the bias's scale is from input scale x filter scale, in output scales.
    """

    rows: int
    depth: int
    channels: int
    out_shape: tuple[int, ...]
    filter_zero_points: tuple[int, ...]
    filters: npt.NDArray[np.int8]
    folded_bias: Int32Array
    bias_error: float
    largest_accumulator: int
    requantization: Requantization


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    source, result = operands.int8(operands.input(0)), operands.int8(operands.output())
    filters = read_filter(operands, channel_axis=0)
    if len(filters.shape) != 2:
        raise operands.error(f"the filter has shape {list(filters.shape)}, it needs 2 dimensions")
    channels, depth = filters.shape
    rows = source.elements // depth
    _check_shapes(operands, rows, filters)
    options = operands.options(FullyConnectedOptions)
    bias = read_bias(operands, channels)
    assert filters.quantization is not None
    zero_points = filters.quantization.zero_points
    weights = filters.array().astype(np.int64)
    shifted = weights - zero_points[0]
    folded = bias - source.zero_point * shifted.sum(axis=1)
    # What the kernel may hold on the way: folded bias, weights x inputs, zero point x sum of inputs.
    on_the_way = np.abs(folded) + 128 * (np.abs(weights).sum(axis=1) + abs(zero_points[0]) * depth)
    return Params(
        rows=rows,
        depth=depth,
        channels=channels,
        out_shape=result.shape,
        filter_zero_points=zero_points,
        filters=filters.array().astype(np.int8),
        folded_bias=folded.astype(np.int32),
        bias_error=_bias_error(operands, filters),
        largest_accumulator=max(largest_accumulator(shifted, bias, 255), int(on_the_way.max())),
        requantization=read_requantization(
            operands, channel_factors(operands, filters, channels), options.activation
        ),
    )


def _check_shapes(operands: Operands, rows: int, filters: Tensor) -> None:
    """The input is rows of the filter's depth, the output rows of its channels."""
    channels, depth = filters.shape
    source, result = operands.input(0), operands.output()
    if rows * depth != source.elements:
        raise operands.error(f"{source.elements} inputs are no rows of {depth}, which the filter takes")
    if not result.shape or result.shape[-1] != channels or result.elements != rows * channels:
        raise operands.error(
            f"the output has shape {list(result.shape)}, {rows} rows of {channels} are computed"
        )


def _bias_error(operands: Operands, filters: Tensor) -> float:
    """As TFLM finds it: for filters with one scale only, a bias without a scale has scale 0."""
    bias = operands.optional(2)
    if bias is None or filters.quantization is None or len(filters.quantization.scales) > 1:
        return 0.0
    bias_scale = bias.quantization.scales[0] if bias.quantization else 0.0
    return abs(operands.input(0).scale * filters.scale - bias_scale) / operands.output().scale


def filter_of_channels_is_symmetric(p: Params) -> bool:
    """The zero points of a filter with a scale for each output must be 0."""
    return len(p.filter_zero_points) == 1 or not any(p.filter_zero_points)


def bias_has_the_scale_of_sums(p: Params) -> bool:
    """The bias's scale must be input scale x filter scale, within 2 % of the output's scale."""
    return p.bias_error <= 0.02


def accumulators_fit(p: Params) -> bool:
    """The weights and biases of every channel must keep its sums within 32 bits."""
    return p.largest_accumulator < 1 << 31


def multipliers_are_small(p: Params) -> bool:
    """Input scale x filter scale must be less than 2^30 output scales."""
    return p.requantization.is_in_range


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; sums are done in double precision, exact below 2^53."""
    rows = np.asarray(inputs[0]).reshape(p.rows, p.depth).astype(np.float64)
    filters = np.asarray(inputs[1]).astype(np.float64) - p.filter_zero_points[0]
    acc = (rows @ filters.T).astype(np.int64) + p.folded_bias
    return [p.requantization.apply(acc).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The call of the C kernel; the bias is in its params, folded."""
    factors = p.requantization.shared
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "filter_zero_point", p.filter_zero_points[0]),
        Field("int32_t", "bias", Constant(p.folded_bias)),
        Field("int32_t", "factor_step", int(len(factors.multiplier) > 1)),
        *factors.c_fields(),
    )
    return KernelCall("ep_fully_connected_s8", fields, node.inputs[:2], node.outputs)


def macs(p: Params) -> int:
    """One for each weight and row."""
    return p.rows * p.depth * p.channels


FULLY_CONNECTED = Op(
    "FULLY_CONNECTED",
    read,
    (
        filter_of_channels_is_symmetric,
        bias_has_the_scale_of_sums,
        accumulators_fit,
        multipliers_are_small,
    ),
    reference,
    kernel,
    cases,
    macs,
    types=("int8",),
    others=(FULLY_CONNECTED_F32, FULLY_CONNECTED_S16),
    variants=(
        FULLY_CONNECTED_M0,
        FULLY_CONNECTED_DSP,
        FULLY_CONNECTED_DSP_DIRECT,
        FULLY_CONNECTED_MVE,
        FULLY_CONNECTED_NEON,
        FULLY_CONNECTED_DOT,
    ),
)
