"""DEPTHWISE_CONV_2D for Helium (MVE): 16 channels at a time, windows of 3 x 3; see ep_taps9_s8_mve.h.

With a stride of 1, and channels of which 16 is a multiple, a row is as if it had pixels of 16 channels.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.mve.pack import (
    GROUP_ORDER,
    LANES,
    POSITIVE,
    effective_shift,
    is_free_of_wrapping,
    little_endian,
    rounding_mode,
)
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.depthwise_conv2d.op import Params

WINDOW = 3


def fits(p: "Params") -> bool:
    """Windows of 3 x 3 without dilation, one filter for each channel, results that cannot wrap."""
    w = p.window
    is_plain = (w.window_h, w.window_w, w.dilation_h, w.dilation_w, p.multiplier) == (WINDOW, WINDOW, 1, 1, 1)
    weights_are_symmetric = bool((p.filters > -128).all())  # two products must fit 16 bits
    return is_plain and weights_are_symmetric and is_free_of_wrapping(p.requantization, p.largest_accumulator)


def is_flat(p: "Params") -> bool:
    """Whether rows are done without regard to where pixels end."""
    return p.window.stride_w == 1 and LANES % p.out_channels == 0


@cache
def stream(p: "Params") -> npt.NDArray[np.int8]:
    """The kernel's constants, of whole tiles of 16 channels."""
    weights = p.filters.reshape(WINDOW * WINDOW, p.out_channels)
    bias = p.bias.astype(np.int64) - p.in_zero_point * weights.astype(np.int64).sum(axis=0)
    tiles = -(-p.out_channels // LANES)
    order = [tile * LANES + lane for tile in range(tiles) for lane in GROUP_ORDER]
    channels = np.arange(tiles * LANES) % p.out_channels if is_flat(p) else np.arange(tiles * LANES)

    def laid_out(values: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.signedinteger]:
        short = max(0, int(channels.max()) + 1 - len(values))
        padded = np.pad(values, [(0, short)] + [(0, 0)] * (values.ndim - 1))
        return padded[channels]

    shift = laid_out(effective_shift(p.requantization).astype(np.int8))
    parts = [
        little_endian(laid_out(weights.T).reshape(tiles, LANES, -1).transpose(0, 2, 1), tiles),
        little_endian(laid_out(bias.astype(np.int32))[order], tiles),
        little_endian(laid_out(p.requantization.multiplier)[order], tiles),
        little_endian(shift[order], tiles),
    ]
    return np.concatenate(parts, axis=1).reshape(-1)


def code(p: "Params") -> int:
    """The kernel's number of the way to round and clamp."""
    r = p.requantization
    mode = rounding_mode(r, effective_shift(r))
    return 0 if mode == POSITIVE and (r.act_min, r.act_max) == (-128, 127) else mode + 1


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    w, r = p.window, p.requantization
    fields = (
        *w.c_fields("window_h", "window_w", "dilation_h", "dilation_w"),
        Field("int32_t", "channels", p.out_channels),
        Field("int32_t", "columns", w.reach[1]),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "zero_point", r.zero_point),
        Field("int32_t", "act_min", r.act_min),
        Field("int32_t", "act_max", r.act_max),
        Field("int32_t", "code", code(p)),
        Field("int8_t", "stream", Constant(stream(p))),
        Field("int32_t", "is_flat", int(is_flat(p))),
    )
    scratch_bytes = WINDOW * w.reach[1] * p.out_channels + LANES - 1
    lag = window_lag(w, p.in_channels, p.out_channels, together=w.out_w, copied=True)
    return KernelCall(
        "ep_depthwise_conv2d_s8_mve", fields, node.inputs[:1], node.outputs, scratch_bytes, ((0, lag),)
    )


def instructions(p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    tile = (120, 128, 136, 163)[code(p)]
    vectors = -(-p.out_channels // LANES)
    pixels, calls, rest = w.out_w, 1, w.out_w * p.out_channels
    if is_flat(p):
        pixels, vectors = -(-rest // LANES), 1
        calls = 1 if rest % LANES == 0 or rest < LANES else 2
    is_next_at_hand = is_flat(p) or w.stride_w * p.out_channels == vectors * LANES
    row = calls * 105 + pixels * (vectors * tile + (12 if is_next_at_hand else 20))
    copied = (w.out_h - 1) * min(w.stride_h, WINDOW) + WINDOW
    copies = copied * (24 + 3.0 * w.in_w * p.out_channels / LANES)
    fill = 4.0 * WINDOW * w.reach[1] * p.out_channels / LANES
    return 100 + fill + copies + w.out_h * row


DEPTHWISE_CONV_2D_MVE = Variant("mve", "mve", fits, kernel, instructions)
