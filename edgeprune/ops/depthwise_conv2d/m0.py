"""DEPTHWISE_CONV_2D on Armv6-M: channel by channel, a few rows of outputs at a time.

The rows that they see of a channel are copied out of the image into a plane with a border, so that
inner loops have no bounds to check. Windows of 3 x 3 with a stride of 1 or 2 have a core of their own.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.m0.requantize import Fitted, accumulator_range, fit, record_words
from edgeprune.ops.overlap import SAME_PLACE, window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.depthwise_conv2d.op import Params

PLANE_BYTES = 448
"""Scratch, unless one row needs more."""
BLOCK_SHARE = 8
BLOCK_BYTES = 1024
"""A block's output is no more than one part in BLOCK_SHARE of the input, or than BLOCK_BYTES, unless one
row is: input and output lie so far apart."""


@lru_cache(maxsize=256)
def _fitted(p: "Params") -> Fitted | None:
    weights = p.filters.reshape(-1, p.out_channels).T.astype(np.int64)
    low, high = accumulator_range(weights, p.bias, p.in_zero_point)
    fitted = fit(low, high, p.bias - (128 + p.in_zero_point) * weights.sum(axis=1), p.requantization)
    if fitted is not None:
        fitted.records["runs"] = ~fitted.is_constant
    return fitted


def _width(p: "Params") -> int:
    return p.window.reach[1]


def _plane_rows(p: "Params", rows: int) -> int:
    return (rows - 1) * p.window.stride_h + (p.window.window_h - 1) * p.window.dilation_h + 1


def _is_in_place(p: "Params") -> bool:
    """Whether every channel can go whole to scratch, and its outputs to where its inputs were."""
    w = p.window
    is_same = (w.in_h, w.in_w, p.multiplier) == (w.out_h, w.out_w, 1)
    most_bytes = max(PLANE_BYTES, w.positions * p.in_channels // BLOCK_SHARE)
    return is_same and _width(p) * _plane_rows(p, w.out_h) <= most_bytes


def _block_rows(p: "Params") -> int:
    """Output rows in a block, in blocks of about one size."""
    w = p.window
    if _is_in_place(p):
        return w.out_h
    by_plane = (PLANE_BYTES // _width(p) - _plane_rows(p, 1)) // w.stride_h + 1
    most_bytes = max(BLOCK_BYTES, w.in_h * w.in_w * p.in_channels // BLOCK_SHARE)
    by_output = most_bytes // (w.out_w * p.out_channels)
    most = max(1, min(by_plane, by_output))
    blocks = -(-w.out_h // most)
    return -(-w.out_h // blocks)


def _lag(p: "Params") -> int:
    if _is_in_place(p):
        return SAME_PLACE
    together = _block_rows(p) * p.window.out_w
    return window_lag(p.window, p.in_channels, p.out_channels, together=together)


def _is_window3(p: "Params") -> bool:
    w = p.window
    return (w.window_h, w.window_w, w.dilation_h, w.dilation_w) == (3, 3, 1, 1) and w.stride_w <= 2


def _scratch_bytes(p: "Params") -> int:
    return _width(p) * _plane_rows(p, _block_rows(p)) + (0 if _is_window3(p) else 8 * p.window.taps)


def _fits(p: "Params") -> bool:
    """Scratch must be small beside the image, or small at all: no plane for a window beyond the image."""
    w = p.window
    most_bytes = max(4 * PLANE_BYTES, w.in_h * w.in_w * p.in_channels // BLOCK_SHARE)
    return _scratch_bytes(p) <= most_bytes and _fitted(p) is not None


def _kernel(p: "Params", node: Node) -> KernelCall:
    fitted = _fitted(p)
    assert fitted is not None
    how, rows = p.requantization, _block_rows(p)
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "depth_multiplier", p.multiplier),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "piece_bits", fitted.bits),
        Field("int32_t", "block_rows", rows),
        Field("int32_t", "width", _width(p)),
        Field("int8_t", "weights", Constant(p.filters.reshape(-1, p.out_channels).T)),
        Field("int32_t", "channels", Constant(record_words(fitted.records))),
        Field("int32_t", "act_min", how.act_min),
        Field("int32_t", "act_max", how.act_max),
    )
    return KernelCall(
        "ep_depthwise_conv2d_"
        + ("" if _is_window3(p) else "any_")
        + ("signed_s8_m0" if fitted.is_signed else "s8_m0"),
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=_scratch_bytes(p),
        lags=((0, _lag(p)),),
    )


def _instructions(p: "Params") -> float:
    """From the listing of the cores; those of the C around them are fitted to counts."""
    fitted = _fitted(p)
    assert fitted is not None
    w, rows = p.window, _block_rows(p)
    blocks = -(-w.out_h // rows)
    constant = int(fitted.is_constant.sum())
    live = p.out_channels - constant
    triples, singles = divmod(w.out_w, 3)
    put = fitted.instructions + 4
    by_row = 20 + triples * (98 + 3 * put) + singles * (45 + put)
    if not _is_window3(p):
        by_row = 15 + w.out_w * (6 * w.taps + 5 + put)
    columns = min(w.in_w, _width(p) - w.pad_left)
    gathered = min(w.in_h * blocks, w.out_h * w.stride_h + blocks * (_plane_rows(p, 1) - w.stride_h))
    clamped = p.requantization.act_min > -128 or p.requantization.act_max < 127
    return (
        live * (w.out_h * by_row + (110 + 16 * w.taps * (not _is_window3(p))) * blocks)
        + constant * (w.positions * 5 + 130 * blocks)
        + p.in_channels * (gathered * (4 * columns + columns // 4 * 3 + columns % 4 * 3 + 8) + 20 * blocks)
        + blocks * (120 + 5 * _width(p) * _plane_rows(p, rows))
        + 11 * w.positions * p.out_channels * clamped
    )


DEPTHWISE_CONV_2D_M0 = Variant("m0", "armv6m", _fits, _kernel, _instructions)
