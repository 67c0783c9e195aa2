"""AVERAGE_POOL_2D in int16: means round with halves away from zero, as in int8."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.avg_pool2d.cases import cases
from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.pooling import Geometry, read_geometry, scales_are_kept
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import PoolOptions


@dataclass(frozen=True)
class Params:
    geometry: Geometry
    act_min: int
    act_max: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    int16_tensor(operands, operands.input(0))
    result = int16_tensor(operands, operands.output())
    scales_are_kept(operands)
    bounds = operands.activation_range(operands.options(PoolOptions).activation, result)
    return Params(read_geometry(operands), *bounds)


def window_is_small(p: Params) -> bool:
    """The window must have at most 32768 elements, so that their sum fits 32 bits."""
    return p.geometry.window.taps <= 32768


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; padding is not counted."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    inside = np.ones((*image.shape[:2], 1), np.int64)
    window = p.geometry.window
    total = sum(view for _, _, view in window.views(window.padded(image, fill=0)))
    count = sum(view for _, _, view in window.views(window.padded(inside, fill=0)))
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return [np.clip(mean, p.act_min, p.act_max).astype(np.int16)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (
        *p.geometry.c_fields(),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    return KernelCall("ep_avg_pool2d_s16", fields, node.inputs, node.outputs, lags=p.geometry.lags(2))


AVERAGE_POOL_2D_S16 = Op(
    "AVERAGE_POOL_2D", read, (window_is_small,), reference, kernel, wide_cases(cases), types=("int16",)
)
