"""CONV_2D for cores with the DSP extension: filters packed as ops/dsp/pack.py says."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.dsp.pack import (
    Matrix,
    clamping,
    fold,
    read_matrix,
    rows_call,
    rows_instructions,
    widening_two,
    window_order,
)
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params


@cache
def matrix(p: "Params") -> Matrix:
    """The filters of `p`, the input's zero point multiplied out."""
    weights = p.filters.reshape(p.out_channels, -1)
    return read_matrix(fold(weights, p.bias, p.in_zero_point, p.requantization))


def fits(p: "Params") -> bool:
    """Convolutions in one group whose requantization the cores can do."""
    return p.groups == 1 and matrix(p).fits


def is_pointwise(w: Window) -> bool:
    """Whether each output pixel sees the input pixel at its place alone."""
    return w.taps == w.stride_h == w.stride_w == 1


def order(p: "Params") -> tuple[int, ...]:
    """The order of a window's inputs: rows of taps are neighbours in the image unless dilated."""
    if p.window.dilation_w == 1:
        return window_order(p.window.window_h, p.window.window_w * p.in_channels)
    return window_order(p.window.window_h, p.in_channels, p.window.window_w)


def leaves_image(w: Window) -> bool:
    """Whether any window reaches beyond the image."""
    bottom, right = w.reach
    return w.pad_top > 0 or w.pad_left > 0 or bottom > w.in_h or right > w.in_w


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    if is_pointwise(p.window):
        return rows_call(matrix(p), p.window.positions, p.in_channels, node)
    inputs = order(p)
    copy_bytes = (p.window.taps * p.in_channels + 3) // 4 * 4
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        *matrix(p).c_fields(inputs),
    )
    return KernelCall(
        "ep_conv2d_s8_dsp",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=4 * len(inputs)
        + (2 * copy_bytes if leaves_image(p.window) else 0)
        + matrix(p).results_bytes,
        lags=((0, window_lag(p.window, p.in_channels, p.out_channels, together=2, copied=True)),),
    )


def instructions(p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    if is_pointwise(w):
        return rows_instructions(matrix(p), w.positions, p.in_channels)
    runs = 1 if w.dilation_w == 1 else w.window_w
    words, rest = divmod(p.in_channels * w.window_w // runs, 4)
    calls = 0 if words == 0 else 1 if runs == 1 else w.window_h
    widening = 55 * calls + w.window_h * runs * widening_two(words)
    column = 35 + 26 * ((w.window_h + 1) // 2)
    two = 111 + widening + rest * runs * column
    copied = w.window_h * (43 + 48 * runs) + 2.5 * w.taps * p.in_channels / 4
    return (
        matrix(p).instructions(len(order(p)) // 2, w.positions)
        + (w.positions + 1) // 2 * two
        + windows_beyond(w) * copied
        + 54 * w.out_h
        + clamping(p.requantization, w.positions * p.out_channels)
    )


def windows_beyond(w: Window) -> int:
    """How many windows reach beyond the image."""
    top = np.arange(w.out_h) * w.stride_h - w.pad_top
    left = np.arange(w.out_w) * w.stride_w - w.pad_left
    height, width = (w.window_h - 1) * w.dilation_h + 1, (w.window_w - 1) * w.dilation_w + 1
    rows = np.count_nonzero((top >= 0) & (top + height <= w.in_h))
    columns = np.count_nonzero((left >= 0) & (left + width <= w.in_w))
    return int(w.positions - rows * columns)


CONV_2D_DSP = Variant("dsp", "dsp", fits, kernel, instructions)
