"""MAX_POOL_2D in int16: the highest value in each window, then the fused activation's clamp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.max_pool2d.cases import cases
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


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; padding never wins."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    window = p.geometry.window
    highest = np.maximum.reduce([view for _, _, view in window.views(window.padded(image, fill=-32768))])
    return [np.clip(highest, p.act_min, p.act_max).astype(np.int16)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (
        *p.geometry.c_fields(),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    return KernelCall("ep_max_pool2d_s16", fields, node.inputs, node.outputs, lags=p.geometry.lags(2))


MAX_POOL_2D_S16 = Op("MAX_POOL_2D", read, (), reference, kernel, wide_cases(cases), types=("int16",))
