"""CONV_2D on Armv6-M: two pixels to a multiplication; how is told in m0/ep_dot4_core_m0.h."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.conv2d.columns import LARGEST_PLACE, tap_begins
from edgeprune.ops.m0.requantize import Fitted, accumulator_range, fit, record_words
from edgeprune.ops.m0.runs import Runs, cut
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

PIXELS = 4
PACKED, PICKED = 11.5, 14.5
"""Instructions to gather a value of four pixels: one of neighbours, one of a list."""


@dataclass(frozen=True, eq=False)
class _Packed:
    """`kept` are the inputs of the window that filters read, None for all; `depth` is a column's length."""

    fitted: Fitted
    runs: Runs
    kept: npt.NDArray[np.int64] | None
    depth: int


@lru_cache(maxsize=256)
def _packed(p: "Params") -> _Packed | None:
    weights = p.filters.reshape(p.out_channels, -1).astype(np.int64)
    low, high = accumulator_range(weights, p.bias, p.in_zero_point)
    fitted = fit(low, high, p.bias - p.in_zero_point * weights.sum(axis=1), p.requantization)
    if fitted is None:
        return None
    filters = p.filters.reshape(p.out_channels, -1)
    kept = _kept(p, filters[~fitted.is_constant])
    filters = np.ascontiguousarray(filters if kept is None else filters[:, kept])
    runs = cut(filters, fitted.is_constant, fitted.bits)
    if runs.counts.max() > 255:
        return None
    fitted.records["runs"] = runs.counts
    return _Packed(fitted, runs, kept, filters.shape[1])


def _kept(p: "Params", filters: npt.NDArray[np.int8]) -> npt.NDArray[np.int64] | None:
    """The inputs that some of `filters` reads, at least one; None where leaving out others does not pay."""
    is_read = np.asarray(filters.any(axis=0))
    is_read[0] |= not is_read.any()
    kept = np.flatnonzero(is_read)
    dead = len(is_read) - len(kept)
    pays = dead * (7 * len(filters) + PACKED) > len(kept) * (PICKED - PACKED)
    fits_list = p.window.window_w * p.in_channels - 1 <= LARGEST_PLACE and len(kept) <= LARGEST_PLACE
    return kept if pays and fits_list else None


def _list(p: "Params", kept: npt.NDArray[np.int64] | None) -> tuple[Constant | None, Constant | None]:
    """What is read of each row of taps, and where each tap's part of this begins."""
    if kept is None:
        return None, None
    places = kept % (p.window.window_w * p.in_channels)
    return Constant(places.astype(np.uint16)), Constant(tap_begins(p, kept))


def _fits(p: "Params") -> bool:
    return p.groups == 1 and p.in_channels < 1 << 16 and _packed(p) is not None


def _kernel(p: "Params", node: Node) -> KernelCall:
    packed = _packed(p)
    assert packed is not None
    how = p.requantization
    places, begin = _list(p, packed.kept)
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "out_channels", p.out_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "piece_bits", packed.fitted.bits),
        Field("int32_t", "depth", packed.depth),
        Field("uint16_t", "list", places),
        Field("uint16_t", "begin", begin),
        Field("int8_t", "weights", Constant(packed.runs.stream)),
        Field("int32_t", "channels", Constant(record_words(packed.fitted.records))),
        Field("int32_t", "act_min", how.act_min),
        Field("int32_t", "act_max", how.act_max),
    )
    return KernelCall(
        "ep_conv2d_signed_s8_m0" if packed.fitted.is_signed else "ep_conv2d_s8_m0",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=8 * packed.depth + p.in_channels,
        lags=((0, window_lag(p.window, p.in_channels, p.out_channels, together=PIXELS, copied=True)),),
    )


def _instructions(p: "Params") -> float:
    """From the listing of the core; those of the C around it are fitted to counts."""
    packed = _packed(p)
    assert packed is not None
    runs = packed.runs.counts
    live = int((runs > 0).sum())
    slow = _rows_by_tap(p, packed)
    groups = -(-p.window.positions // PIXELS)
    filters = live * (43 + PIXELS * (packed.fitted.instructions + 2)) + 23 * (p.out_channels - live)
    steps = 7 * live * packed.depth + 11 * int(runs.sum())
    gather = (PACKED if packed.kept is None else PICKED) * packed.depth + 290 + 107 * p.window.window_h
    clamped = p.requantization.act_min > -128 or p.requantization.act_max < 127
    return (
        groups * (filters + steps + gather)
        + slow * p.window.window_w * (105 if packed.kept is None else 125)
        + 17 * p.in_channels
        + 11 * p.window.positions * p.out_channels * clamped
    )


def _rows_by_tap(p: "Params", packed: _Packed) -> int:
    """Rows of taps, of all groups, that are not gathered at once."""
    w = p.window
    index = np.arange(-(-w.positions // PIXELS) * PIXELS)
    pixels = np.where(index < w.positions, index, index // PIXELS * PIXELS).reshape(-1, PIXELS)
    top = pixels // w.out_w * w.stride_h - w.pad_top
    left = pixels % w.out_w * w.stride_w - w.pad_left
    rows = top[:, np.newaxis] + np.arange(w.window_h)[:, np.newaxis] * w.dilation_h
    columns = left[:, np.newaxis] + (np.arange(w.window_w) * w.dilation_w)[:, np.newaxis]
    leaves_rows = np.any((rows < 0) | (rows >= w.in_h), axis=2)
    leaves_columns = np.any((columns < 0) | (columns >= w.in_w), axis=(1, 2))
    if w.dilation_w > 1:
        return len(rows) * w.window_h
    return int((leaves_rows | leaves_columns[:, np.newaxis]).sum())


CONV_2D_M0 = Variant("m0", "armv6m", _fits, _kernel, _instructions)
