"""CONV_2D: int8 convolution, filters quantized as a whole or for each output channel.

The filter is (out_channels, window_h, window_w, group_channels): with fewer channels than the input
it is a grouped convolution, each group seeing its own slice of the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.conv2d import columns
from edgeprune.ops.conv2d.cases import cases
from edgeprune.ops.conv2d.columns_dsp import CONV_2D_COLUMNS_DSP
from edgeprune.ops.conv2d.dsp import CONV_2D_DSP
from edgeprune.ops.conv2d.float32 import CONV_2D_F32
from edgeprune.ops.conv2d.int16 import CONV_2D_S16
from edgeprune.ops.conv2d.m0 import CONV_2D_M0
from edgeprune.ops.conv2d.mve import CONV_2D_MVE
from edgeprune.ops.conv2d.neon import CONV_2D_DOT, CONV_2D_NEON
from edgeprune.ops.conv2d.winograd import CONV_2D_WINOGRAD
from edgeprune.ops.conv2d.winograd_neon import CONV_2D_WINOGRAD_NEON
from edgeprune.ops.convolution import (
    Int32Array,
    Requantization,
    channel_factors,
    largest_accumulator,
    read_bias,
    read_filter,
    read_requantization,
)
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ConvOptions


@dataclass(frozen=True, eq=False)
class Params:
    """`filters` is (out_channels, window_h, window_w, group_channels), `bias` has one for each of them."""

    window: Window
    in_channels: int
    out_channels: int
    group_channels: int
    in_zero_point: int
    filter_zero_points: tuple[int, ...]
    filters: npt.NDArray[np.int8]
    bias: Int32Array
    largest_accumulator: int
    requantization: Requantization

    @property
    def groups(self) -> int:
        return self.in_channels // self.group_channels


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    source, result = operands.int8(operands.input(0)), operands.int8(operands.output())
    filters = read_filter(operands, channel_axis=0)
    if len(filters.shape) != 4:
        raise operands.error(f"the filter has shape {list(filters.shape)}, it needs 4 dimensions")
    channels, window_h, window_w, group_channels = filters.shape
    options = operands.options(ConvOptions)
    window = read_window(operands, options, window_h, window_w)
    if source.shape[3] % group_channels or channels % (source.shape[3] // group_channels):
        raise operands.error(
            f"{source.shape[3]} input channels do not make groups of {group_channels} "
            f"for {channels} output channels"
        )
    if result.shape[3] != channels:
        raise operands.error(f"{channels} filters give {result.shape[3]} output channels")
    bias = read_bias(operands, channels)
    weights = filters.array().reshape(channels, -1).astype(np.int64)
    assert filters.quantization is not None
    return Params(
        window=window,
        in_channels=source.shape[3],
        out_channels=channels,
        group_channels=group_channels,
        in_zero_point=source.zero_point,
        filter_zero_points=filters.quantization.zero_points,
        filters=filters.array().astype(np.int8),
        bias=bias,
        largest_accumulator=largest_accumulator(weights, bias, 255),  # inputs less their zero point
        requantization=read_requantization(
            operands, channel_factors(operands, filters, channels), options.activation
        ),
    )


def filter_is_symmetric(p: Params) -> bool:
    """The zero points of the filter must be 0."""
    return not any(p.filter_zero_points)


def accumulators_fit(p: Params) -> bool:
    """The weights and biases of every channel must keep its sums within 32 bits."""
    return p.largest_accumulator < 1 << 31


def multipliers_are_small(p: Params) -> bool:
    """Input scale x filter scale must be less than 2^30 output scales."""
    return p.requantization.is_in_range


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; sums are done in double precision, exact below 2^53."""
    image = np.asarray(inputs[0])[0].astype(np.int64) - p.in_zero_point
    filters = np.asarray(inputs[1]).astype(np.float64)
    padded = p.window.padded(image, fill=0)
    acc = np.zeros((p.window.out_h, p.window.out_w, p.out_channels))
    per_group = p.out_channels // p.groups
    for row, column, view in p.window.views(padded):
        seen = view.astype(np.float64)
        for group in range(p.groups):
            ins = slice(group * p.group_channels, (group + 1) * p.group_channels)
            outs = slice(group * per_group, (group + 1) * per_group)
            acc[..., outs] += seen[..., ins] @ filters[outs, row, column].T
    return [p.requantization.apply(acc.astype(np.int64) + p.bias)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The call of the C kernel, of the one without dead columns where that pays; params have the bias."""
    if columns.pays(p):
        return columns.kernel(p, node)
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "out_channels", p.out_channels),
        Field("int32_t", "group_channels", p.group_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "bias", Constant(p.bias)),
        *p.requantization.c_fields(),
    )
    lags = ((0, window_lag(p.window, p.in_channels, p.out_channels)),)
    return KernelCall("ep_conv2d_s8", fields, node.inputs[:2], node.outputs, lags=lags)


def macs(p: Params) -> int:
    """Padding counts, as it does in most published figures."""
    return p.window.positions * p.window.taps * p.group_channels * p.out_channels


CONV_2D = Op(
    "CONV_2D",
    read,
    (filter_is_symmetric, accumulators_fit, multipliers_are_small),
    reference,
    kernel,
    cases,
    macs,
    types=("int8",),
    others=(CONV_2D_F32, CONV_2D_S16),
    variants=(
        CONV_2D_M0,
        CONV_2D_DSP,
        CONV_2D_COLUMNS_DSP,
        CONV_2D_MVE,
        CONV_2D_WINOGRAD,
        CONV_2D_NEON,
        CONV_2D_DOT,
        CONV_2D_WINOGRAD_NEON,
    ),
)
