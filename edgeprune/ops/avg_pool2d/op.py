"""AVERAGE_POOL_2D: the mean of what each window sees of the image, then the fused activation's clamp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.avg_pool2d.cases import cases
from edgeprune.ops.avg_pool2d.float32 import AVERAGE_POOL_2D_F32
from edgeprune.ops.avg_pool2d.int16 import AVERAGE_POOL_2D_S16
from edgeprune.ops.avg_pool2d.mve import AVERAGE_POOL_2D_MVE
from edgeprune.ops.avg_pool2d.neon import AVERAGE_POOL_2D_NEON
from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import PoolOptions


@dataclass(frozen=True)
class Params:
    window: Window
    channels: int
    scale_change: float
    zero_point_change: int
    act_min: int
    act_max: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    source, result = operands.int8(operands.input(0)), operands.int8(operands.output())
    options = operands.options(PoolOptions)
    window = read_window(operands, options, options.window_h, options.window_w)
    if source.shape[3] != result.shape[3]:
        raise operands.error(f"{source.shape[3]} channels go in, {result.shape[3]} come out")
    act_min, act_max = operands.activation_range(options.activation, result)
    return Params(
        window=window,
        channels=source.shape[3],
        scale_change=result.scale - source.scale,
        zero_point_change=result.zero_point - source.zero_point,
        act_min=act_min,
        act_max=act_max,
    )


def quantization_is_kept(p: Params) -> bool:
    """Input and output must have the same scale (within 1e-6) and zero point."""
    return abs(p.scale_change) <= 1e-6 and p.zero_point_change == 0


def window_is_small(p: Params) -> bool:
    """The window must have at most 65536 elements, so that their sum fits 32 bits."""
    return p.window.taps <= 65536


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: halves are rounded away from zero, padding is not counted."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    inside = np.ones((p.window.in_h, p.window.in_w, 1), np.int64)
    total = sum(view for _, _, view in p.window.views(p.window.padded(image, fill=0)))
    count = sum(view for _, _, view in p.window.views(p.window.padded(inside, fill=0)))
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return [np.clip(mean, p.act_min, p.act_max).astype(np.int8)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The call of the C kernel."""
    fields = (
        *p.window.c_fields("dilation_h", "dilation_w"),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    lags = ((0, window_lag(p.window, p.channels, p.channels)),)
    return KernelCall("ep_avg_pool2d_s8", fields, node.inputs, node.outputs, lags=lags)


AVERAGE_POOL_2D = Op(
    "AVERAGE_POOL_2D",
    read,
    (quantization_is_kept, window_is_small),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(AVERAGE_POOL_2D_F32, AVERAGE_POOL_2D_S16),
    variants=(AVERAGE_POOL_2D_MVE, AVERAGE_POOL_2D_NEON),
)
