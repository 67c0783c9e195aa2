"""FULLY_CONNECTED in float32: products are summed input after input, then the bias is added, as in TFLM."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.floats import FloatArray, clamp, float_bias, float_range, float_tensor, range_fields
from edgeprune.ops.fully_connected.cases import cases
from edgeprune.ops.fully_connected.geometry import Geometry, read_geometry
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import FullyConnectedOptions

SCALES_ONLY = (
    "zero points lowest",
    "zero points highest",
    "filter with a zero point",
    "filter with the lowest zero point",
    "multipliers above 1",
    "multiplier above 1",
    "multipliers that wrap",
)


@dataclass(frozen=True, eq=False)
class Params:
    """`bias` has one element for each output."""

    geometry: Geometry
    bias: FloatArray
    act_min: float
    act_max: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    float_tensor(operands, operands.input(0))
    float_tensor(operands, operands.output())
    geometry = read_geometry(operands, float_tensor(operands, operands.constant(1)))
    bounds = float_range(operands, operands.options(FullyConnectedOptions).activation)
    return Params(geometry, float_bias(operands, geometry.channels), *bounds)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes."""
    rows = np.asarray(inputs[0], np.float32).reshape(p.geometry.rows, p.geometry.depth)
    columns = np.ascontiguousarray(np.asarray(inputs[1], np.float32).T)
    total = np.zeros((p.geometry.rows, p.geometry.channels), np.float32)
    with np.errstate(all="ignore"):
        for i in range(p.geometry.depth):
            total += rows[:, i, np.newaxis] * columns[i]
        return [clamp(total + p.bias, p.act_min, p.act_max).reshape(p.geometry.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (
        *p.geometry.c_fields(),
        Field("float", "bias", Constant(p.bias)),
        *range_fields(p.act_min, p.act_max),
    )
    return KernelCall("ep_fully_connected_f32", fields, node.inputs[:2], node.outputs)


FULLY_CONNECTED_F32 = Op(
    "FULLY_CONNECTED",
    read,
    (),
    reference,
    kernel,
    float_cases(cases, SCALES_ONLY),
    lambda p: p.geometry.macs,
    types=("float32",),
)
