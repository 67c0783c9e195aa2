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
    weights = _by_columns(p).astype(np.int64)
    folded: npt.NDArray[np.int64] = p.bias.astype(np.int64) - p.in_zero_point * weights.sum(axis=0)
    return folded


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
        tiled = laid_out.reshape(-1, tiles, LANES, 1).transpose(1, 0, 2, 3)
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
    """By the shape alone; fitted to counts."""
    w, rows = p.window, band(p)
    tiles, row_pixels, parts = _tiles(p)
    reach_h, reach_w = w.reach
    row_bytes = reach_w * p.out_channels
    slots = (rows - 1) * w.stride_h + (w.window_h - 1) * w.dilation_h + 1
    copied = min(w.in_h, reach_h) * (36 + 3.5 * w.in_w * p.out_channels / 32)
    filled = max(0, reach_h - w.in_h) * (40 + row_bytes / LANES) + 1.6 * slots * row_bytes / LANES
    whole, part = _pixel(kind, p)
    pixels = row_pixels * whole + parts * part
    row = 18.0 * w.window_h + 20 * tiles + (row_pixels + parts) * (0, 4, 30)[rounding(p)] + pixels
    bands = -(-w.out_h // rows)
    return copied + filled + bands * (290 + tiles * (100 if kind == "dot" else 36)) + w.out_h * row


def _tiles(p: "Params") -> tuple[int, int, int]:
    """Tiles of channels, and of a row: pixels of 16 channels in all tiles, pixels of fewer."""
    w = p.window
    if is_flat(p):
        whole, rest = divmod(w.out_w * p.out_channels, LANES)
        return 1, whole, int(rest > 0)
    whole, rest = divmod(p.out_channels, LANES)
    return whole + (rest > 0), whole * w.out_w, w.out_w * (rest > 0)


def _pixel(kind: str, p: "Params") -> tuple[float, float]:
    """A pixel of 16 channels, and one of fewer."""
    w = p.window
    if kind == "neon" and not is_three(p):
        return 48.5 + 14.4 * w.taps, 64.5 + 14.4 * w.taps
    tap = w.dilation_w * p.out_channels
    step = LANES if is_flat(p) else w.stride_w * p.out_channels
    if kind == "neon":
        return (73 if step == tap else 79), 95
    return (52 if step == tap else 59 if step == 2 * tap else 65), 83


def _variant(kind: str, needs: str) -> "Variant[Params]":
    return Variant(kind, needs, partial(fits, kind), partial(kernel, kind), partial(instructions, kind))


DEPTHWISE_CONV_2D_NEON = _variant("neon", "neon")
DEPTHWISE_CONV_2D_DOT = _variant("dot", "dotprod")
