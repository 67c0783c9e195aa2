"""MAX_POOL_2D in float32: the highest value in each window, then the clamp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.floats import FLOAT_MAX, clamp, float_range, float_tensor, range_fields
from edgeprune.ops.max_pool2d.cases import cases
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
    """What TFLM computes: of equal values, 0 and -0, the first stays; padding never wins."""
    image = np.asarray(inputs[0], np.float32)[0]
    window = p.geometry.window
    highest = np.full((window.out_h, window.out_w, p.geometry.channels), -FLOAT_MAX, np.float32)
    for _, _, view in window.views(window.padded(image, fill=-FLOAT_MAX)):
        highest = np.where(highest < view, view, highest)
    return [clamp(highest, p.act_min, p.act_max)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (*p.geometry.c_fields(), *range_fields(p.act_min, p.act_max))
    return KernelCall("ep_max_pool2d_f32", fields, node.inputs, node.outputs, lags=p.geometry.lags(4))


MAX_POOL_2D_F32 = Op("MAX_POOL_2D", read, (), reference, kernel, float_cases(cases), types=("float32",))
