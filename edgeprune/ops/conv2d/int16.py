"""CONV_2D of int16 activations with int8 filters (16x8): see wide.py for how its sums are rounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.conv2d.cases import cases as int8_cases
from edgeprune.ops.conv2d.geometry import Geometry, read_geometry
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import huge_biases, narrow_biases, wide_cases
from edgeprune.ops.wide import INT32, WideSums, int16_tensor, read_sums, sums_are_supported, symmetric_filter
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import ConvOptions

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
    filters = symmetric_filter(operands, channel_axis=0)
    geometry = read_geometry(operands, filters)
    weights = filters.array().reshape(geometry.out_channels, -1).astype(np.int64)
    options = operands.options(ConvOptions)
    is_int32 = options.quantized_bias_type == INT32
    sums = read_sums(operands, weights, options.activation, ("int64", "int32"), is_int32)
    return Params(geometry, sums)


def arithmetic_is_supported(p: Params) -> bool:
    """Sums must stay within 47 bits and factors below 128; with an int32 bias 32 bits and 2^30."""
    return sums_are_supported(p.sums)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; sums are done in double precision, exact below 2^53."""
    image = np.asarray(inputs[0])[0].astype(np.int64)
    filters = np.asarray(inputs[1]).astype(np.float64)
    window = p.geometry.window
    acc = np.zeros((window.out_h, window.out_w, p.geometry.out_channels))
    for row, column, view in window.views(window.padded(image, fill=0)):
        seen = view.astype(np.float64)
        for group in range(p.geometry.groups):
            ins, outs = p.geometry.channels_of(group)
            acc[..., outs] += seen[..., ins] @ filters[outs, row, column].T
    return [p.sums.apply(acc.astype(np.int64))[np.newaxis]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (*p.geometry.c_fields(), *p.sums.c_fields())
    inputs, lags = node.inputs[:2], p.geometry.lags(2)
    return KernelCall("ep_conv2d_s16", fields, inputs, node.outputs, lags=lags)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The int8 cases with int64 biases; some with int32 biases, whose sums are 32 bits."""
    yield from wide_cases(int8_cases, TOO_LARGE)(rng)
    yield from huge_biases(wide_cases(int8_cases), "1 x 1")(rng)
    few = ("3 x 3, same", "1 x 1", "relu6", "multipliers that vanish")
    yield from narrow_biases(wide_cases(int8_cases), few)(rng)
    filters = constant(np.full((2, 1, 1, 600), 127, np.int8), per_tensor(0.01))
    x, out = activation((1, 1, 3, 600), 1e-4, dtype="int16"), activation((1, 1, 3, 2), 0.1, dtype="int16")
    yield Case("products beyond 32 bits", one_op("CONV_2D", [x, filters], out, ConvOptions("VALID")))
    for case in wide_cases(int8_cases)(rng):
        if case.name == "no bias":
            options = ConvOptions("SAME", quantized_bias_type=INT32)
            node = replace(case.graph.nodes[0], options=options)
            yield Case("no bias, sums of 32 bits", replace(case.graph, nodes=(node,)))


CONV_2D_S16 = Op(
    "CONV_2D",
    read,
    (arithmetic_is_supported,),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int16",),
)
