"""MAX_POOL_2D: the highest value in each window, then the fused activation's clamp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.max_pool2d.cases import cases
from edgeprune.ops.max_pool2d.float32 import MAX_POOL_2D_F32
from edgeprune.ops.max_pool2d.int16 import MAX_POOL_2D_S16
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


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; padding never wins."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    views = [view for _, _, view in p.window.views(p.window.padded(image, fill=-128))]
    highest = np.maximum.reduce(views)
    return [np.clip(highest, p.act_min, p.act_max).astype(np.int8)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The call of the C kernel."""
    fields = (
        *p.window.c_fields("dilation_h", "dilation_w"),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    lags = ((0, window_lag(p.window, p.channels, p.channels)),)
    return KernelCall("ep_max_pool2d_s8", fields, node.inputs, node.outputs, lags=lags)


MAX_POOL_2D = Op(
    "MAX_POOL_2D",
    read,
    (quantization_is_kept,),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(MAX_POOL_2D_F32, MAX_POOL_2D_S16),
)
