"""FULLY_CONNECTED of int16 activations with an int8 filter (16x8): wide.py says how sums are rounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.fully_connected.cases import cases as int8_cases
from edgeprune.ops.fully_connected.geometry import Geometry, read_geometry
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import huge_biases, narrow_biases, wide_cases
from edgeprune.ops.wide import INT32, WideSums, int16_tensor, read_sums, sums_are_supported, symmetric_filter
from edgeprune.tflite.graph import Array, Node, QuantGraph, Tensor
from edgeprune.tflite.options import FullyConnectedOptions

# Shifts above 7, which TFLM's 64-bit arithmetic has not; filters that are not symmetric.
UNSUPPORTED = (
    "multipliers above 1",
    "multiplier above 1",
    "multipliers that wrap",
    "filter with a zero point",
    "filter with the lowest zero point",
    "filter with the highest zero point",
)


@dataclass(frozen=True, eq=False)
class Params:
    """`bias_error` is how far the bias's scale is from input scale x filter scale, in output scales."""

    geometry: Geometry
    sums: WideSums
    bias_error: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(2, 3)
    int16_tensor(operands, operands.input(0))
    int16_tensor(operands, operands.output())
    filters = symmetric_filter(operands, channel_axis=0)
    geometry = read_geometry(operands, filters)
    options = operands.options(FullyConnectedOptions)
    is_int32 = options.quantized_bias_type == INT32
    weights = filters.array().astype(np.int64)
    sums = read_sums(operands, weights, options.activation, ("int64", "int32"), is_int32)
    return Params(geometry, sums, _bias_error(operands, filters))


def _bias_error(operands: Operands, filters: Tensor) -> float:
    """As TFLM finds it: for filters with one scale only, a bias without a scale has scale 0."""
    bias = operands.optional(2)
    if bias is None or filters.quantization is None or len(filters.quantization.scales) > 1:
        return 0.0
    bias_scale = bias.quantization.scales[0] if bias.quantization else 0.0
    return abs(operands.input(0).scale * filters.scale - bias_scale) / operands.output().scale


def bias_has_the_scale_of_sums(p: Params) -> bool:
    """The bias's scale must be input scale x filter scale, within 2 % of the output's scale."""
    return p.bias_error <= 0.02


def arithmetic_is_supported(p: Params) -> bool:
    """Sums must stay within 47 bits and factors below 128; with an int32 bias 32 bits and 2^30."""
    return sums_are_supported(p.sums)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes; sums are done in double precision, exact below 2^53."""
    rows = np.asarray(inputs[0]).reshape(p.geometry.rows, p.geometry.depth).astype(np.float64)
    acc = (rows @ np.asarray(inputs[1]).astype(np.float64).T).astype(np.int64)
    return [p.sums.apply(acc).reshape(p.geometry.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the bias is in its params."""
    fields = (*p.geometry.c_fields(), *p.sums.c_fields())
    return KernelCall("ep_fully_connected_s16", fields, node.inputs[:2], node.outputs)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The int8 cases with int64 biases; some with int32 biases, whose sums are 32 bits."""
    yield from wide_cases(int8_cases, UNSUPPORTED)(rng)
    yield from huge_biases(wide_cases(int8_cases), "a scale for each output")(rng)
    few = ("one scale", "a scale for each output", "relu6", "multipliers that vanish")
    yield from narrow_biases(wide_cases(int8_cases), few)(rng)
    for case in wide_cases(int8_cases)(rng):
        if case.name == "no bias":
            node = replace(case.graph.nodes[0], options=FullyConnectedOptions(quantized_bias_type=INT32))
            yield Case("no bias, sums of 32 bits", replace(case.graph, nodes=(node,)))


FULLY_CONNECTED_S16 = Op(
    "FULLY_CONNECTED",
    read,
    (bias_has_the_scale_of_sums, arithmetic_is_supported),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int16",),
)
