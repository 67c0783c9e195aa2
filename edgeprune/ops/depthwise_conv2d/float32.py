"""DEPTHWISE_CONV_2D in float32: products are summed tap after tap, then the bias is added, as in TFLM."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.depthwise_conv2d.cases import cases
from edgeprune.ops.depthwise_conv2d.geometry import Geometry, read_geometry
from edgeprune.ops.floats import FloatArray, clamp, float_bias, float_range, float_tensor, range_fields
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import DepthwiseConvOptions

SCALES_ONLY = (
    "scale for the whole filter",
    "zero points lowest",
    "zero points highest",
    "multipliers above 1",
    "multipliers that wrap",
    "multipliers of one",
)


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
    operands.count(2, 3)
    float_tensor(operands, operands.input(0))
    float_tensor(operands, operands.output())
    filters = float_tensor(operands, operands.constant(1))
    geometry = read_geometry(operands, filters)
    bounds = float_range(operands, operands.options(DepthwiseConvOptions).activation)
    return Params(geometry, float_bias(operands, geometry.out_channels), *bounds)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; what lies outside of the image adds 0, which changes no sum."""
    image, filters = np.asarray(inputs[0], np.float32)[0], np.asarray(inputs[1], np.float32)[0]
    window = p.geometry.window
    total = np.zeros((window.out_h, window.out_w, p.geometry.out_channels), np.float32)
    with np.errstate(all="ignore"):
        for row, column, view in window.views(window.padded(image, fill=0)):
            total += np.repeat(view, p.geometry.multiplier, axis=2) * filters[row, column]
        return [clamp(total + p.bias, p.act_min, p.act_max)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (
        *p.geometry.c_fields(),
        Field("float", "bias", Constant(p.bias)),
        *range_fields(p.act_min, p.act_max),
    )
    inputs, lags = node.inputs[:2], p.geometry.lags(4)
    return KernelCall("ep_depthwise_conv2d_f32", fields, inputs, node.outputs, lags=lags)


DEPTHWISE_CONV_2D_F32 = Op(
    "DEPTHWISE_CONV_2D",
    read,
    (),
    reference,
    kernel,
    float_cases(cases, SCALES_ONLY),
    lambda p: p.geometry.macs,
    types=("float32",),
)
