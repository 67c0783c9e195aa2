"""AVERAGE_POOL_2D for 64-bit Arm: 16 channels at a time, a multiplication instead of the division."""

from typing import TYPE_CHECKING

from edgeprune.ops.avg_pool2d.mve import MOST_ELEMENTS, _seen
from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.avg_pool2d.op import Params

LANES = 16


def fits(p: "Params") -> bool:
    """Windows of at most 4096 elements, whole vectors of channels."""
    return p.window.taps <= MOST_ELEMENTS and p.channels >= LANES


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    fields = (
        *p.window.c_fields("dilation_h", "dilation_w"),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    lags = ((0, window_lag(p.window, p.channels, p.channels)),)
    return KernelCall("ep_avg_pool2d_s8_neon", fields, node.inputs, node.outputs, lags=lags)


def instructions(p: "Params") -> float:
    """By the shape alone."""
    w = p.window
    tiles = -(-p.channels // LANES)
    rows = _seen(w.out_h, w.stride_h, w.pad_top, w.window_h, w.in_h)
    columns = _seen(w.out_w, w.stride_w, w.pad_left, w.window_w, w.in_w)
    whole = sum(count == w.in_w for count in columns)  # windows whose rows are one long one
    runs = (len(columns) - whole) * sum(rows) + whole * len(rows)
    return 60 + w.positions * (60 + tiles * 55) + tiles * (18 * runs + 5.0 * sum(rows) * sum(columns))


AVERAGE_POOL_2D_NEON = Variant("neon", "neon", fits, kernel, instructions)
