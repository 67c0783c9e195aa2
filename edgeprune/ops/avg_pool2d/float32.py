"""AVERAGE_POOL_2D in float32: the sum, row by row, divided by the number of elements inside the image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.avg_pool2d.cases import cases
from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.floats import clamp, float_range, float_tensor, range_fields
from edgeprune.ops.operands import Operands
from edgeprune.ops.pooling import Geometry, read_geometry
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import PoolOptions


@dataclass(frozen=True)
class Params:
    geometry: Geometry
    act_min: float
    act_max: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    float_tensor(operands, operands.input(0))
    float_tensor(operands, operands.output())
    bounds = float_range(operands, operands.options(PoolOptions).activation)
    return Params(read_geometry(operands), *bounds)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; padding adds 0, which changes no sum, and is not counted."""
    image = np.asarray(inputs[0], np.float32)[0]
    inside = np.ones((*image.shape[:2], 1), np.float32)
    window = p.geometry.window
    total = np.zeros((window.out_h, window.out_w, p.geometry.channels), np.float32)
    count = np.zeros((window.out_h, window.out_w, 1), np.float32)
    with np.errstate(all="ignore"):
        for _, _, view in window.views(window.padded(image, fill=0)):
            total += view
        for _, _, view in window.views(window.padded(inside, fill=0)):
            count += view
        return [clamp(total / count, p.act_min, p.act_max)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (*p.geometry.c_fields(), *range_fields(p.act_min, p.act_max))
    return KernelCall("ep_avg_pool2d_f32", fields, node.inputs, node.outputs, lags=p.geometry.lags(4))


AVERAGE_POOL_2D_F32 = Op(
    "AVERAGE_POOL_2D", read, (), reference, kernel, float_cases(cases), types=("float32",)
)
