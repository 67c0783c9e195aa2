"""CONV_2D by exact integer Winograd F(2x2, 3x3) for NEON without SDOT: 4 products instead of 9.

Cost:    per input channel 16 multiplications for 4 outputs of a filter, a quarter of a SMLAL each; 32
         bytes of flash per filter and input channel instead of 9
Source:  Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, arXiv:1509.09308,
         section 4.1
Differs: integers throughout, as in winograd.py, which says why nothing is lost. Here the sums are divided
         by 4, without rest, before they are scaled.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.conv2d.neon import folded_bias
from edgeprune.ops.conv2d.winograd import FILTER_TRANSFORM, GAIN
from edgeprune.ops.mve.pack import effective_shift, is_free_of_wrapping, little_endian, sums_range
from edgeprune.ops.neon.filters import output_fields, rounding_mode
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

BLOCK, LANES = 8, 16
FREQUENCIES = 16
TOGETHER = 8
"""Tiles that the kernel multiplies together."""


def fits(p: "Params") -> bool:
    """3 x 3 filters, each input once, in one group of whole vectors, sums with two bits to spare."""
    w = p.window
    steps = (w.stride_h, w.stride_w, w.dilation_h, w.dilation_w)
    is_plain = (w.window_h, w.window_w) == (3, 3) and steps == (1, 1, 1, 1)
    is_small = p.largest_accumulator * GAIN < 1 << 31
    is_free = is_free_of_wrapping(p.requantization, p.largest_accumulator)
    return is_plain and p.groups == 1 and p.in_channels % BLOCK == 0 and is_small and is_free


@cache
def stream(p: "Params") -> npt.NDArray[np.int8]:
    """The kernel's constants."""
    r, channels = p.requantization, p.out_channels
    blocks = -(-channels // BLOCK)
    padding = (0, blocks * BLOCK - channels)
    g = FILTER_TRANSFORM
    # (channels, 3, 3, inputs) to (channels, 4, 4, inputs)
    transformed = np.einsum("ir,crsk,js->cijk", g, p.filters.astype(np.int64), g).astype(np.int16)
    filters = np.pad(transformed, [padding, (0, 0), (0, 0), (0, 0)])
    filters = filters.reshape(blocks, BLOCK, FREQUENCIES, p.in_channels).transpose(0, 2, 3, 1)
    parts = [
        little_endian(np.pad((GAIN * folded_bias(p)).astype(np.int32), padding), blocks),
        little_endian(filters, blocks),
        little_endian(np.pad(r.multiplier, padding), blocks),
        little_endian(np.pad(effective_shift(r).astype(np.int32), padding, constant_values=-1), blocks),
    ]
    return np.concatenate(parts, axis=1).reshape(-1)


@cache
def rounding(p: "Params") -> int:
    """EP_POSITIVE, EP_RIGHT or EP_ANY of ep_requantize_neon.h."""
    sums = sums_range(p.filters.reshape(p.out_channels, -1), folded_bias(p))
    return rounding_mode(p.requantization, sums)


def tiling(p: "Params") -> tuple[int, int]:
    """Tiles side by side, and rows of them that are made together: enough for the kernel to be busy."""
    columns = (p.window.out_w + 1) // 2
    rows = (p.window.out_h + 1) // 2
    return columns, min(rows, -(-TOGETHER // columns))


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    w, (columns, rows) = p.window, tiling(p)
    tiles = columns * rows
    sizes = {
        "ring_at": (2 * rows + 2) * (2 * columns + 2) * p.in_channels + LANES,
        "inputs_at": 2 * FREQUENCIES * tiles * p.in_channels,
        "sums_at": 4 * FREQUENCIES * tiles * BLOCK,
    }
    places, end = {}, 0
    for name, size in sizes.items():
        places[name] = end
        end += -(-size // LANES) * LANES
    scalars = {
        "in_channels": p.in_channels,
        "out_channels": p.out_channels,
        "in_zero_point": p.in_zero_point,
        "tile_columns": columns,
        "tile_rows": rows,
        **places,
    }
    fields = (
        *w.c_fields("window_h", "window_w", "stride_h", "stride_w", "dilation_h", "dilation_w"),
        *(Field("int32_t", name, value) for name, value in scalars.items()),
        *output_fields(p.requantization, rounding(p), "output"),
        Field("int8_t", "stream", Constant(stream(p))),
    )
    lag = window_lag(w, p.in_channels, p.out_channels, together=2 * rows * w.out_w, copied=True)
    return KernelCall("ep_conv2d_winograd_s8_neon", fields, node.inputs[:1], node.outputs, end, ((0, lag),))


def instructions(p: "Params") -> float:
    """By the shape alone; fitted to counts."""
    w, (columns, rows) = p.window, tiling(p)
    blocks, tile_rows = -(-p.out_channels // BLOCK), (w.out_h + 1) // 2
    bands, last = divmod(tile_rows, rows)
    products = bands * _products(p, rows * columns) + (_products(p, last * columns) if last else 0)
    tiles = blocks * tile_rows * columns
    parts = tiles - w.out_h // 2 * (w.out_w // 2) * (p.out_channels // BLOCK)
    finished = 7 * blocks * tile_rows + tiles * (0, 7.2, 48)[rounding(p)] + 12.7 * parts
    transformed = tile_rows * (7 + p.in_channels // BLOCK * (16 + 48.0 * columns))
    filled = 1.8 * (2 * rows + 2) * (2 * columns + 2) * p.in_channels / LANES
    copied = w.in_h * (59 + 3.4 * w.in_w * p.in_channels / 32)
    return 437 * (bands + (last > 0)) + filled + copied + transformed + blocks * products + finished


def _products(p: "Params", tiles: int) -> float:
    """Of all frequencies of a block, and their way to outputs."""
    steps = p.in_channels // BLOCK
    whole, rest = divmod(tiles, TOGETHER)
    groups = [TOGETHER] * whole + [rest] * (rest > 0)
    each = sum(5.8 + 14.9 * count + steps * (10.1 + 16.9 * count) for count in groups)
    return FREQUENCIES * (17.6 + each)


CONV_2D_WINOGRAD_NEON = Variant("neon_winograd", "neon", fits, kernel, instructions, is_larger=True)
