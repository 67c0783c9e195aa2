"""AVERAGE_POOL_2D for Helium (MVE): eight channels at a time, a multiplication instead of the division."""

from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.avg_pool2d.op import Params

LANES = 8
MOST_ELEMENTS = 4096
"""Of a window: the multiplication is exact up to 5770."""


def fits(p: "Params") -> bool:
    """Windows of at most 4096 elements."""
    return p.window.taps <= MOST_ELEMENTS


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    fields = (
        *p.window.c_fields("dilation_h", "dilation_w"),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    lags = ((0, window_lag(p.window, p.channels, p.channels)),)
    return KernelCall("ep_avg_pool2d_s8_mve", fields, node.inputs, node.outputs, lags=lags)


def instructions(p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    tiles = -(-p.channels // LANES)
    rows = _seen(w.out_h, w.stride_h, w.pad_top, w.window_h, w.in_h)
    columns = _seen(w.out_w, w.stride_w, w.pad_left, w.window_w, w.in_w)
    whole = sum(count == w.in_w for count in columns)  # windows whose rows are one long one
    runs = (len(columns) - whole) * sum(rows) + whole * len(rows)
    return 60 + w.positions * (70 + tiles * 40) + tiles * (21 * runs + 5 * sum(rows) * sum(columns))


def _seen(out: int, stride: int, pad: int, window: int, extent: int) -> list[int]:
    """How much of the image each window covers, along one dimension."""
    origins = [at * stride - pad for at in range(out)]
    return [min(origin + window, extent) - max(origin, 0) for origin in origins]


AVERAGE_POOL_2D_MVE = Variant("mve", "mve", fits, kernel, instructions)
