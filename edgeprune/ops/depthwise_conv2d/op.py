"""DEPTHWISE_CONV_2D: each input channel has its own filters, `multiplier` of them.

The filter is (1, window_h, window_w, out_channels); output channel c looks at input channel
c // multiplier alone.
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
from edgeprune.ops.depthwise_conv2d.cases import cases
from edgeprune.ops.depthwise_conv2d.dsp import DEPTHWISE_CONV_2D_DSP, DEPTHWISE_CONV_2D_DSP_SMALL
from edgeprune.ops.depthwise_conv2d.float32 import DEPTHWISE_CONV_2D_F32
from edgeprune.ops.depthwise_conv2d.int16 import DEPTHWISE_CONV_2D_S16
from edgeprune.ops.depthwise_conv2d.m0 import DEPTHWISE_CONV_2D_M0
from edgeprune.ops.depthwise_conv2d.mve import DEPTHWISE_CONV_2D_MVE
from edgeprune.ops.depthwise_conv2d.neon import DEPTHWISE_CONV_2D_DOT, DEPTHWISE_CONV_2D_NEON
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import DepthwiseConvOptions


@dataclass(frozen=True, eq=False)
class Params:
    """`filters` is (window_h, window_w, out_channels), `bias` has one element for each output channel."""

    window: Window
    in_channels: int
    multiplier: int
    in_zero_point: int
    filter_zero_points: tuple[int, ...]
    filters: npt.NDArray[np.int8]
    bias: Int32Array
    largest_accumulator: int
    requantization: Requantization

    @property
    def out_channels(self) -> int:
        return self.in_channels * self.multiplier


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    source, result = operands.int8(operands.input(0)), operands.int8(operands.output())
    filters = read_filter(operands, channel_axis=3)
    if len(filters.shape) != 4 or filters.shape[0] != 1:
        raise operands.error(f"the filter has shape {list(filters.shape)}, not [1, height, width, channels]")
    _, window_h, window_w, channels = filters.shape
    options = operands.options(DepthwiseConvOptions)
    window = read_window(operands, options, window_h, window_w)
    in_channels = source.shape[3]
    if not channels == result.shape[3] == in_channels * options.depth_multiplier:
        raise operands.error(
            f"{in_channels} channels times {options.depth_multiplier} must be the filter's {channels} "
            f"and the output's {result.shape[3]}"
        )
    bias = read_bias(operands, channels)
    weights = filters.array().reshape(-1, channels).T.astype(np.int64)
    assert filters.quantization is not None
    return Params(
        window=window,
        in_channels=in_channels,
        multiplier=options.depth_multiplier,
        in_zero_point=source.zero_point,
        filter_zero_points=filters.quantization.zero_points,
        filters=filters.array()[0],
        bias=bias,
        # Inputs less their zero point reach 255.
        largest_accumulator=largest_accumulator(weights, bias, 255),
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
    """What TFLM computes."""
    image = np.asarray(inputs[0])[0].astype(np.int64) - p.in_zero_point
    filters = np.asarray(inputs[1])[0].astype(np.int64)
    acc = np.zeros((p.window.out_h, p.window.out_w, p.out_channels), np.int64) + p.bias
    for row, column, view in p.window.views(p.window.padded(image, fill=0)):
        acc += np.repeat(view, p.multiplier, axis=2) * filters[row, column]
    return [p.requantization.apply(acc)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The call of the C kernel; the bias is in its params."""
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "depth_multiplier", p.multiplier),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "bias", Constant(p.bias)),
        *p.requantization.c_fields(),
    )
    lags = ((0, window_lag(p.window, p.in_channels, p.out_channels)),)
    return KernelCall("ep_depthwise_conv2d_s8", fields, node.inputs[:2], node.outputs, lags=lags)


def macs(p: Params) -> int:
    """Padding counts, as it does in most published figures."""
    return p.window.positions * p.window.taps * p.out_channels


DEPTHWISE_CONV_2D = Op(
    "DEPTHWISE_CONV_2D",
    read,
    (filter_is_symmetric, accumulators_fit, multipliers_are_small),
    reference,
    kernel,
    cases,
    macs,
    types=("int8",),
    others=(DEPTHWISE_CONV_2D_F32, DEPTHWISE_CONV_2D_S16),
    variants=(
        DEPTHWISE_CONV_2D_M0,
        DEPTHWISE_CONV_2D_MVE,
        DEPTHWISE_CONV_2D_DSP,
        DEPTHWISE_CONV_2D_DSP_SMALL,
        DEPTHWISE_CONV_2D_NEON,
        DEPTHWISE_CONV_2D_DOT,
    ),
)
