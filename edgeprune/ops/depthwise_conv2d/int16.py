"""DEPTHWISE_CONV_2D of int16 activations with int8 filters (16x8); TFLM has it with int64 biases only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.depthwise_conv2d.cases import cases as int8_cases
from edgeprune.ops.depthwise_conv2d.geometry import Geometry, read_geometry
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import huge_biases, wide_cases
from edgeprune.ops.wide import WideSums, int16_tensor, read_sums, sums_are_supported, symmetric_filter
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import DepthwiseConvOptions

# Shifts above 7, which TFLM's 64-bit arithmetic has not.
TOO_LARGE = ("multipliers above 1", "multipliers that wrap")


@dataclass(frozen=True, eq=False)
class Params:
    geometry: Geometry
    sums: WideSums


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    int16_tensor(operands, operands.input(0))
    int16_tensor(operands, operands.output())
    filters = symmetric_filter(operands, channel_axis=3)
    geometry = read_geometry(operands, filters)
    weights = filters.array().reshape(-1, geometry.out_channels).T.astype(np.int64)
    activation = operands.options(DepthwiseConvOptions).activation
    return Params(geometry, read_sums(operands, weights, activation, ("int64",)))


def arithmetic_is_supported(p: Params) -> bool:
    """Sums must stay within 47 bits and factors below 128."""
    return sums_are_supported(p.sums)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    filters = np.asarray(inputs[1])[0].astype(np.int64)
    window = p.geometry.window
    acc = np.zeros((window.out_h, window.out_w, p.geometry.out_channels), np.int64)
    for row, column, view in window.views(window.padded(image, fill=0)):
        acc += np.repeat(view, p.geometry.multiplier, axis=2) * filters[row, column]
    return [p.sums.apply(acc)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (*p.geometry.c_fields(), *p.sums.c_fields())
    inputs, lags = node.inputs[:2], p.geometry.lags(2)
    return KernelCall("ep_depthwise_conv2d_s16", fields, inputs, node.outputs, lags=lags)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The int8 cases with int64 biases, and one with sums beyond 32 bits."""
    yield from wide_cases(int8_cases, TOO_LARGE)(rng)
    yield from huge_biases(wide_cases(int8_cases), "multiplier 3")(rng)


DEPTHWISE_CONV_2D_S16 = Op(
    "DEPTHWISE_CONV_2D",
    read,
    (arithmetic_is_supported,),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int16",),
)
