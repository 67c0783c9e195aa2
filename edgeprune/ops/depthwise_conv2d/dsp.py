"""DEPTHWISE_CONV_2D for cores with the DSP extension: windows of 3 x 3, by vertical pairs of inputs.

A record of one channel is, with w0, w1, w2 the rows of a column of its filter,
    for each column the halfwords w0, w1, then for each column w1, w2: weights shifted left
    bias, shifted as the weights are; multiplier; constant; where halves go away from zero: shift right
The two ways to requantize are those of ops/dsp/pack.py, but all shifts left are done in the weights.

"dsp" does all channels of a row at once, "dsp small" the whole image for a chunk of them after the other,
which takes a buffer for so many only; outputs then have the inputs' places, or lie apart.
"""

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.convolution import Int32Array
from edgeprune.ops.dsp.pack import Filters, clamping, clamps_below_zero_point, fold
from edgeprune.ops.overlap import SAME_PLACE
from edgeprune.ops.window import Window
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.depthwise_conv2d.op import Params

STEP = 10
"""The shift in ep_depthwise3_relu_s8_dsp.c."""
CHUNK = 8
CHUNK_OF_WIDE = 4
MOST_COLUMNS = 32
"""Of images with more columns, chunks are smaller."""
MOST_EXTRA = 7
"""Weights shifted left by one more than that fit 16 bits."""


def chunk_of(p: "Params") -> int:
    """The channels of a chunk of the kernel that saves memory."""
    return CHUNK if _columns(p.window) <= MOST_COLUMNS else CHUNK_OF_WIDE


def chunks(channels: int, chunk: int) -> list[int]:
    """The channels of each chunk; fewer than four left over go with the last one."""
    whole = max(1, channels // chunk + (channels % chunk >= 4))
    return [chunk] * (whole - 1) + [channels - chunk * (whole - 1)]


def _columns(w: Window) -> int:
    return (w.out_w - 1) * w.stride_w + 3


@cache
def filters(p: "Params") -> Filters:
    """The filters of `p`, (channels, 9), the input's zero point multiplied out."""
    return fold(p.filters.reshape(9, -1).T, p.bias, p.in_zero_point, p.requantization, STEP // 2)


def fits(p: "Params") -> bool:
    """3 x 3, stride 1 or 2, at least four channels and two columns, one filter for each channel."""
    w = p.window
    return (
        w.window_h == w.window_w == 3
        and w.dilation_h == w.dilation_w == 1
        and w.stride_h == w.stride_w <= 2
        and w.out_w >= 2
        and p.multiplier == 1
        and p.in_channels >= 4
        and _common(filters(p))
        and (_fits_relu(filters(p)) or _fits_away(filters(p)))
    )


def _common(f: Filters) -> bool:
    r = f.requantization
    return bool((r.multiplier >= 0).all() and (r.shift <= 0).all() and (f.largest < 1 << 30).all())


def _fits_relu(f: Filters) -> bool:
    extra = STEP + f.requantization.shift.astype(np.int64)
    return (
        clamps_below_zero_point(f.requantization)
        and bool(((extra >= 1) & (extra <= MOST_EXTRA)).all())
        and bool((f.largest << np.clip(extra + 1, 0, 32) < 1 << 31).all())
    )


def _fits_away(f: Filters) -> bool:
    return f.rounds_within_32_bits()


def fits_small(p: "Params") -> bool:
    """Where there is more than one chunk, none of which overwrites itself in place."""
    return fits(p) and len(chunks(p.in_channels, chunk_of(p))) > 1 and _lag(p.window, p.in_channels) == 0


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel that does all channels at once."""
    return _call(p, node, p.in_channels, _lag(p.window, p.in_channels))


def kernel_small(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel that does them by chunks."""
    return _call(p, node, chunk_of(p), SAME_PLACE)


def _call(p: "Params", node: Node, chunk: int, lag: int) -> KernelCall:
    """Weights and biases are in the params."""
    w = p.window
    f = filters(p)
    names = ["in_h", "in_w", "out_h", "out_w"]
    fields = (
        *(Field("int32_t", name, getattr(w, name)) for name in names),
        Field("int32_t", "stride", w.stride_h),
        Field("int32_t", "pad_top", w.pad_top),
        Field("int32_t", "pad_left", w.pad_left),
        Field("int32_t", "channels", p.in_channels),
        Field("int32_t", "chunk", chunk),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "records", Constant(records(f))),
        Field("int32_t", "act_min", p.requantization.act_min),
        Field("int32_t", "act_max", p.requantization.act_max),
    )
    return KernelCall(
        f"ep_depthwise3_{'relu' if _fits_relu(f) else 'away'}_s8_dsp",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=(8 * _columns(w) + 1) * max(chunks(p.in_channels, chunk)),
        lags=((0, lag),),
    )


def records(f: Filters) -> Int32Array:
    """The records of all channels."""
    n = -f.requantization.shift.astype(np.int64)
    multiplier = f.requantization.multiplier.astype(np.int64)
    if _fits_relu(f):
        extra = STEP - n
        constant = (np.int64(1) << extra - 1) + (1 << STEP - 1) + f.zero_point * (1 << STEP)
        ends = [f.bias << extra + 1, multiplier, constant]
    else:
        extra = np.zeros_like(n)
        ends = [2 * f.bias, multiplier, f.rounding_constants(), n]
    w = (f.weights << (extra + 1)[:, None]).reshape(-1, 3, 3)
    upper = w[:, 0] & 0xFFFF | w[:, 1] << 16
    lower = w[:, 1] & 0xFFFF | w[:, 2] << 16
    words = np.concatenate([upper, lower, np.stack(ends, axis=1)], axis=1).reshape(-1)
    return (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _lag(w: Window, channels: int) -> int:
    """Before rows of outputs are written, the inputs of the row after them but one were read."""
    together = 3 - w.stride_h
    written = np.minimum(np.arange(together, w.out_h + together, together), w.out_h) * w.out_w
    unread = (np.arange(len(written)) * 2 + 4 - w.pad_top) * w.in_w
    return max(0, int(((written - unread) * channels)[:-1].max(initial=0)))


def instructions(p: "Params") -> float:
    """By the shape alone."""
    return _instructions(p, p.in_channels)


def instructions_small(p: "Params") -> float:
    """By the shape alone."""
    return _instructions(p, chunk_of(p))


def _instructions(p: "Params", chunk: int) -> float:
    w, channels = p.window, p.in_channels
    r = filters(p).requantization
    steps = -(-w.out_h // (3 - w.stride_h))
    columns = _columns(w)
    inside = min(w.in_w, columns - w.pad_left)
    block = {(1, True): 48, (1, False): 59, (2, True): 31, (2, False): 38}[w.stride_h, _fits_relu(filters(p))]
    channel = 23 + -(-w.out_w // 2) * block + w.out_w % 2 * 10
    sides = 10.7 * (columns - inside) + 19
    counts = chunks(channels, chunk)
    work = 100.0
    for count in counts:
        pixel = 11 + 17 * -(-count // 4) + (5 if count % 4 else 0)
        work += steps * (105 + count * channel) + (steps + 1) * inside * pixel + 67
    sizes = [a for before, a in pairwise([0, *counts]) if a != before]
    return work + sum(sizes) * sides + clamping(r, w.positions * channels)


DEPTHWISE_CONV_2D_DSP = Variant("dsp", "dsp", fits, kernel, instructions)
DEPTHWISE_CONV_2D_DSP_SMALL = Variant("dsp small", "dsp", fits_small, kernel_small, instructions_small)
