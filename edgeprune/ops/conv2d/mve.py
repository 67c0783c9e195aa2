"""CONV_2D for Helium (MVE): filters packed as ops/mve/pack.py says, on columns of the image."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.mve.pack import (
    LANES,
    Live,
    Packed,
    filters_instructions,
    find_live,
    is_free_of_wrapping,
    pack_filters,
    pixels_instructions,
    pixels_lag,
)
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params


MOST_PLACE = 255
"""Vectors of bytes are scattered by offsets of 8 bits."""


def fits(p: "Params") -> bool:
    """Not grouped, no dilation along rows, results that cannot wrap."""
    is_plain = p.groups == 1 and p.window.dilation_w == 1
    return is_plain and is_free_of_wrapping(p.requantization, p.largest_accumulator)


@cache
def packed(p: "Params") -> Packed:
    """The filters of `p` that are computed."""
    columns, bias = _filters(p)
    channels, r = live(p).channels, p.requantization
    part = replace(r, multiplier=r.multiplier[channels], shift=r.shift[channels])
    return pack_filters(columns[channels], bias[channels], part)


@cache
def live(p: "Params") -> Live:
    """Which filters these are."""
    return find_live(*_filters(p), p.requantization)


def _filters(p: "Params") -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Weights in the order of columns, and biases with the input's zero point folded in."""
    columns = p.filters.transpose(0, 2, 1, 3).reshape(p.out_channels, -1)
    return columns, p.bias.astype(np.int64) - p.in_zero_point * columns.astype(np.int64).sum(axis=1)


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    fields = (
        *packed(p).c_fields(),
        *p.window.c_fields("dilation_w"),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "columns", p.window.reach[1]),
        Field("int32_t", "is_scattered", int(is_scattered(p))),
        Field("uint8_t", "places", tuple(_places(p)) if is_scattered(p) else (0,) * LANES),
        *live(p).c_fields(),
    )
    scratch_bytes = _scratch_bytes(p)
    lags = ((0, _lag(p)),)
    return KernelCall("ep_conv2d_s8_mve", fields, node.inputs[:1], node.outputs, scratch_bytes, lags)


def _places(p: "Params") -> list[int]:
    """Where each byte of a vector of pixels goes in the columns, from the first."""
    return [i // p.in_channels * p.window.window_h * p.in_channels + i % p.in_channels for i in range(LANES)]


def is_scattered(p: "Params") -> bool:
    """Whether several small pixels at once are copied to their columns."""
    return p.in_channels <= LANES // 2 and _places(p)[-1] <= MOST_PLACE


def _scratch_bytes(p: "Params") -> int:
    computed = len(live(p).channels)
    expanded = computed if computed < p.out_channels else 0
    if p.window.taps > 1:
        return p.window.reach[1] * p.window.window_h * p.in_channels + max(expanded, LANES - 1)
    return max(expanded, LANES * packed(p).steps if p.in_channels % LANES else LANES)


def _lag(p: "Params") -> int:
    w = p.window
    if w.taps > 1:
        return window_lag(w, p.in_channels, p.out_channels, together=w.out_w, copied=True)
    if w.stride_h * w.in_w == w.stride_w * w.out_w:
        return pixels_lag(w.positions, w.stride_w * p.in_channels, p.out_channels)
    return window_lag(w, p.in_channels, p.out_channels, together=w.out_w)


def instructions(p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    filters = packed(p)
    expanded = live(p).instructions(w.positions)
    if w.taps == 1:
        is_one_row = w.stride_h * w.in_w == w.stride_w * w.out_w
        runs, pixels = (1, w.positions) if is_one_row else (w.out_h, w.out_w)
        step = w.stride_w * p.in_channels
        return 60 + expanded + pixels_instructions(filters, runs, pixels, step, p.in_channels)
    chunks = -(-p.in_channels // LANES)
    row = 45.0 + 15 * chunks + 5 * w.in_w * chunks
    if is_scattered(p):
        row = 45 + 5 * w.in_w / (LANES // p.in_channels)
    taken = sum(
        0 <= y * w.stride_h - w.pad_top + r < w.in_h for y in range(w.out_h) for r in range(w.window_h)
    )
    fills = w.reach[1] * w.window_h * p.in_channels / LANES * 4
    return (
        100 + fills + taken * row + w.out_h * 40 + expanded + filters_instructions(filters, w.out_h, w.out_w)
    )


CONV_2D_MVE = Variant("mve", "mve", fits, kernel, instructions)
