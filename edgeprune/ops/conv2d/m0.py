"""CONV_2D on Armv6-M: two pixels to a multiplication; how is told in m0/ep_dot4_core_m0.h."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.m0.requantize import Fitted, accumulator_range, fit, record_words
from edgeprune.ops.m0.runs import Runs, cut
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

PIXELS = 4
SPAN_GAP = 6
"""Dead channels in a row that are cheaper to gather than to leave out."""


@dataclass(frozen=True, eq=False)
class _Packed:
    """`spans` are (first, count) of the input channels that filters read; `depth` is a column's length."""

    fitted: Fitted
    runs: Runs
    spans: npt.NDArray[np.uint16]
    depth: int


@lru_cache(maxsize=256)
def _packed(p: "Params") -> _Packed | None:
    weights = p.filters.reshape(p.out_channels, -1).astype(np.int64)
    low, high = accumulator_range(weights, p.bias, p.in_zero_point)
    fitted = fit(low, high, p.bias - p.in_zero_point * weights.sum(axis=1), p.requantization)
    if fitted is None:
        return None
    spans = _spans(np.asarray(p.filters[~fitted.is_constant].any(axis=(0, 1, 2))))
    kept = np.concatenate([np.arange(first, first + count) for first, count in spans])
    filters = np.ascontiguousarray(p.filters[..., kept]).reshape(p.out_channels, -1)
    runs = cut(filters, fitted.is_constant, fitted.bits)
    if runs.counts.max() > 255:
        return None
    fitted.records["runs"] = runs.counts
    return _Packed(fitted, runs, np.array(spans, np.uint16), filters.shape[1])


def _spans(is_read: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The channels that are read, neighbours together; at least one."""
    channels = np.flatnonzero(is_read)
    if not len(channels):
        return [(0, 1)]
    cuts = np.flatnonzero(np.diff(channels) > SPAN_GAP)
    firsts = channels[np.concatenate([[0], cuts + 1])]
    lasts = channels[np.concatenate([cuts, [len(channels) - 1]])]
    return [(int(first), int(last - first + 1)) for first, last in zip(firsts, lasts, strict=True)]


def _fits(p: "Params") -> bool:
    return p.groups == 1 and p.in_channels < 1 << 16 and _packed(p) is not None


def _kernel(p: "Params", node: Node) -> KernelCall:
    packed = _packed(p)
    assert packed is not None
    how = p.requantization
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "out_channels", p.out_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "piece_bits", packed.fitted.bits),
        Field("int32_t", "depth", packed.depth),
        Field("int32_t", "spans", len(packed.spans)),
        Field("uint16_t", "span", Constant(packed.spans)),
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
    gather = 11.5 * packed.depth + 290 + 107 * p.window.window_h
    clamped = p.requantization.act_min > -128 or p.requantization.act_max < 127
    return (
        groups * (filters + steps + gather)
        + slow * p.window.window_w * (105 + 4 * (len(packed.spans) - 1))
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
    if w.dilation_w > 1 or packed.depth < w.taps * p.in_channels:
        return len(rows) * w.window_h
    return int((leaves_rows | leaves_columns[:, np.newaxis]).sum())


CONV_2D_M0 = Variant("m0", "armv6m", _fits, _kernel, _instructions)
