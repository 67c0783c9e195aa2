"""DEPTHWISE_CONV_2D for 64-bit Arm: 16 channels at a time on rows of the image, by NEON or by SDOT.

SDOT adds four products of one channel, so it wants the rows of a column side by side: windows of 3 x 3 alone
are worth that.
"""

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.mve.pack import effective_shift, is_free_of_wrapping, little_endian, sums_range
from edgeprune.ops.neon.filters import output_fields, rounding_mode
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.depthwise_conv2d.op import Params

LANES = 16
SIDE = 3
GROUP = 4
"""Products that SDOT adds."""
RING_BYTES = 8192
"""As many rows are made together as let the image's rows that they see stay in the nearest cache."""


def is_three(p: "Params") -> bool:
    """Whether the window is 3 x 3."""
    return (p.window.window_h, p.window.window_w) == (SIDE, SIDE)


def fits(kind: str, p: "Params") -> bool:
    """One filter for each channel, results that cannot wrap, and sums of two products that fit 16 bits."""
    if p.multiplier != 1 or not is_free_of_wrapping(p.requantization, p.largest_accumulator):
        return False
    return is_three(p) if kind == "dot" else two_fit(p)


def two_fit(p: "Params") -> bool:
    """Whether no two weights of -128 of a channel follow each other, from an even tap on."""
    lowest = _by_columns(p) == -128
    even, odd = lowest[0::2], lowest[1::2]
    return not (even[: len(odd)] & odd).any()


def _by_columns(p: "Params") -> npt.NDArray[np.int8]:
    """The weights (taps, channels), the taps of a column of the window after each other."""
    return np.ascontiguousarray(p.filters.transpose(1, 0, 2)).reshape(-1, p.out_channels)


def is_flat(p: "Params") -> bool:
    """Whether rows are done without regard to where pixels end."""
    return p.window.stride_w == 1 and LANES % p.out_channels == 0


def _folded_bias(p: "Params") -> npt.NDArray[np.int64]:
    return p.bias.astype(np.int64) - p.in_zero_point * _by_columns(p).astype(np.int64).sum(axis=0)


@cache
def rounding(p: "Params") -> int:
    """EP_POSITIVE, EP_RIGHT or EP_ANY of ep_requantize_neon.h."""
    return rounding_mode(p.requantization, sums_range(_by_columns(p).T, _folded_bias(p)))


@cache
def stream(kind: str, p: "Params") -> npt.NDArray[np.int8]:
    """The kernel's constants, of whole tiles of 16 channels."""
    weights = _by_columns(p)
    tiles = -(-p.out_channels // LANES)
    lanes = np.arange(tiles * LANES)
    channels = lanes % p.out_channels if is_flat(p) else np.minimum(lanes, p.out_channels - 1)
    laid_out = weights[:, channels]
    if kind == "dot":  # (columns, rows, channels) to (columns, channels, rows and a 0)
        columns = np.pad(laid_out.reshape(SIDE, SIDE, -1), [(0, 0), (0, GROUP - SIDE), (0, 0)])
        tiled = columns.reshape(SIDE, GROUP, tiles, LANES).transpose(2, 0, 3, 1)
    else:
        tiled = laid_out.reshape(-1, tiles, LANES).transpose(1, 0, 2)
    r = p.requantization
    parts = [
        little_endian(tiled, tiles),
        little_endian(_folded_bias(p).astype(np.int32)[channels], tiles),
        little_endian(r.multiplier[channels], tiles),
        little_endian(effective_shift(r).astype(np.int32)[channels], tiles),
    ]
    return np.concatenate(parts, axis=1).reshape(-1)


def band(p: "Params") -> int:
    """Rows of outputs that are made together, at least one."""
    w = p.window
    row_bytes = w.reach[1] * p.out_channels
    slots = (w.window_h - 1) * w.dilation_h + 1
    return max(1, min(w.out_h, (RING_BYTES // row_bytes - slots) // w.stride_h + 1))


def kernel(kind: str, p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    w, rows = p.window, band(p)
    pointers_bytes = -(-8 * w.window_h * rows // LANES) * LANES
    scalars = {"channels": p.out_channels, "columns": w.reach[1], "in_zero_point": p.in_zero_point}
    fields = (
        *w.c_fields(),
        *(Field("int32_t", name, value) for name, value in scalars.items()),
        *output_fields(p.requantization, rounding(p), "output"),
        Field("int32_t", "is_flat", int(is_flat(p))),
        Field("int32_t", "band", rows),
        Field("int32_t", "ring_at", pointers_bytes),
        Field("int8_t", "stream", Constant(stream(kind, p))),
    )
    prefixed = tuple(Field(f.ctype, f"depthwise.{f.name}", f.value) for f in fields)
    slots = (rows - 1) * w.stride_h + (w.window_h - 1) * w.dilation_h + 1
    lag = window_lag(w, p.in_channels, p.out_channels, together=rows * w.out_w, copied=True)
    return KernelCall(
        f"ep_depthwise_conv2d_s8_{kind}",
        prefixed,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=pointers_bytes + slots * w.reach[1] * p.out_channels + LANES,
        lags=((0, lag),),
    )


def instructions(kind: str, p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    pixels, tiles = w.out_w, -(-p.out_channels // LANES)
    if is_flat(p):
        pixels, tiles = -(-w.out_w * p.out_channels // LANES), 1
    scaling = (0, 4, 20)[rounding(p)]
    if kind == "dot":
        tap = w.dilation_w * p.out_channels
        step = LANES if is_flat(p) else w.stride_w * p.out_channels
        columns = 1 if step == tap else 2 if step == 2 * tap else 3
        tile, row, pixel = 80, 30.0, 43 + scaling + 8.0 * columns
    elif is_three(p):
        tile, row, pixel = 80, 25.0, 72.0 + scaling
    else:
        tile, row, pixel = 40, 10.0, 45 + scaling + 11.5 * w.taps
    reach_h, reach_w = w.reach
    copied = min(w.in_h, reach_h) * (30 + w.in_w * p.out_channels / 32 * 6)
    filled = max(0, reach_h - w.in_h) * reach_w * p.out_channels / LANES * 4
    bands = -(-w.out_h // band(p))
    rows = w.out_h * (10 * w.window_h + tiles * (row + pixels * pixel))
    return 120 + copied + filled + bands * (30 + tiles * tile) + rows


def _variant(kind: str, needs: str) -> "Variant[Params]":
    return Variant(kind, needs, partial(fits, kind), partial(kernel, kind), partial(instructions, kind))


DEPTHWISE_CONV_2D_NEON = _variant("neon", "neon")
DEPTHWISE_CONV_2D_DOT = _variant("dot", "dotprod")
