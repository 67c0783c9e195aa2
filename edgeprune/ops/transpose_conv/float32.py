"""TRANSPOSE_CONV in float32: products are summed input row after row, column after column, channel after
channel, then the bias is added.

That order is TFLM's, and so is the result's last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.floats import FloatArray, clamp, float_bias, float_range, float_tensor, range_fields
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.ops.transpose_conv.cases import SCALES_ONLY, cases
from edgeprune.ops.transpose_conv.geometry import BIAS, DATA, FILTER, Geometry, read_geometry
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import TransposeConvOptions


@dataclass(frozen=True, eq=False)
class Params:
    """`bias` has one element for each output channel."""

    geometry: Geometry
    bias: FloatArray
    act_min: float
    act_max: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(3, 4)
    float_tensor(operands, operands.input(DATA))
    float_tensor(operands, operands.output())
    geometry = read_geometry(operands, float_tensor(operands, operands.constant(FILTER)))
    bounds = float_range(operands, operands.options(TransposeConvOptions).activation)
    return Params(geometry, float_bias(operands, geometry.out_channels, BIAS), *bounds)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the last tap is the one of the first input that reaches an output."""
    g = p.geometry
    image, filters = np.asarray(inputs[DATA], np.float32)[0], np.asarray(inputs[FILTER], np.float32)
    total = np.zeros((*g.reach, g.out_channels), np.float32)
    with np.errstate(all="ignore"):
        for row in reversed(range(g.window_h)):
            for column in reversed(range(g.window_w)):
                for channel in range(g.in_channels):
                    products = image[..., channel, np.newaxis] * filters[:, row, column, channel]
                    total[g.rows_of(row, column)] += products
        return [clamp(g.cut(total) + p.bias, p.act_min, p.act_max)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (
        *p.geometry.c_fields(),
        Field("float", "bias", Constant(p.bias)),
        *range_fields(p.act_min, p.act_max),
    )
    return KernelCall("ep_transpose_conv_f32", fields, (node.inputs[DATA], node.inputs[FILTER]), node.outputs)


TRANSPOSE_CONV_F32 = Op(
    "TRANSPOSE_CONV",
    read,
    (),
    reference,
    kernel,
    float_cases(cases, SCALES_ONLY),
    lambda p: p.geometry.macs,
    types=("float32",),
    typed_by=DATA,
)
