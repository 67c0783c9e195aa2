"""TRANSPOSE_CONV: every input pixel, times the filter, is added to the outputs around it; int8.

The kernel gathers: each output sums the inputs that reach it, so it needs no buffer of sums as TFLM does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.convolution import (
    Int32Array,
    Requantization,
    channel_factors,
    largest_accumulator,
    read_bias,
    read_filter,
    read_requantization,
)
from edgeprune.ops.operands import Operands
from edgeprune.ops.transpose_conv.cases import cases
from edgeprune.ops.transpose_conv.float32 import TRANSPOSE_CONV_F32
from edgeprune.ops.transpose_conv.geometry import BIAS, DATA, FILTER, Geometry, filter_rows, read_geometry
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import TransposeConvOptions


@dataclass(frozen=True, eq=False)
class Params:
    """`bias` has one element for each output channel."""

    geometry: Geometry
    in_zero_point: int
    filter_zero_points: tuple[int, ...]
    bias: Int32Array
    largest_accumulator: int
    requantization: Requantization


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(3, 4)
    source = operands.int8(operands.input(DATA))
    operands.int8(operands.output())
    filters = read_filter(operands, channel_axis=0)
    geometry = read_geometry(operands, filters)
    bias = read_bias(operands, geometry.out_channels, BIAS)
    factors = channel_factors(operands, filters, geometry.out_channels, DATA)
    activation = operands.options(TransposeConvOptions).activation
    assert filters.quantization is not None
    return Params(
        geometry,
        source.zero_point,
        filters.quantization.zero_points,
        bias,
        largest_accumulator(filter_rows(filters), bias, 255),  # inputs less their zero point
        read_requantization(operands, factors, activation),
    )


def filter_is_symmetric(p: Params) -> bool:
    """The zero points of the filter must be 0."""
    return not any(p.filter_zero_points)


def accumulators_fit(p: Params) -> bool:
    """The weights and biases of every channel must keep its sums within 32 bits."""
    return p.largest_accumulator < 1 << 31


def multipliers_are_small(p: Params) -> bool:
    """Input scale x filter scale must be less than 2^30 output scales."""
    return p.requantization.is_in_range


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; sums are done in double precision, exact below 2^53."""
    g = p.geometry
    image = np.asarray(inputs[DATA])[0].astype(np.float64) - p.in_zero_point
    filters = np.asarray(inputs[FILTER]).astype(np.float64)
    acc = np.zeros((*g.reach, g.out_channels))
    for row in range(g.window_h):
        for column in range(g.window_w):
            acc[g.rows_of(row, column)] += image @ filters[:, row, column].T
    return [p.requantization.apply(g.cut(acc).astype(np.int64) + p.bias)[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (
        *p.geometry.c_fields(),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "bias", Constant(p.bias)),
        *p.requantization.c_fields(),
    )
    return KernelCall("ep_transpose_conv_s8", fields, (node.inputs[DATA], node.inputs[FILTER]), node.outputs)


TRANSPOSE_CONV = Op(
    "TRANSPOSE_CONV",
    read,
    (filter_is_symmetric, accumulators_fit, multipliers_are_small),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int8",),
    typed_by=DATA,
    others=(TRANSPOSE_CONV_F32,),
)
