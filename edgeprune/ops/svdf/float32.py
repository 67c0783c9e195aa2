"""SVDF in float32: sums run in order, and without an activation nothing is clamped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Constant, Field, KernelCall, Op
from edgeprune.ops.builder import activation, constant, one_op, variable
from edgeprune.ops.floats import FLOAT_MAX, FloatArray, float_range, float_tensor, range_fields
from edgeprune.ops.operands import Operands
from edgeprune.ops.svdf.operands import (
    BIAS,
    FEATURE_WEIGHTS,
    STATE,
    TIME_WEIGHTS,
    Geometry,
    check_dtypes,
    read_geometry,
)
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import Activation, SvdfOptions


@dataclass(frozen=True, eq=False)
class Params:
    geometry: Geometry
    feature_weights: FloatArray
    time_weights: FloatArray
    bias: FloatArray
    is_raised: bool
    is_lowered: bool
    act_min: float
    act_max: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    geometry = read_geometry(operands)
    check_dtypes(operands, *["float32"] * 6)
    features, times, bias = (
        float_tensor(operands, operands.constant(position)).array().astype(np.float32)
        for position in (FEATURE_WEIGHTS, TIME_WEIGHTS, BIAS)
    )
    fused = operands.options(SvdfOptions).activation
    low, high = float_range(operands, fused)
    return Params(geometry, features, times, bias, low > -FLOAT_MAX, high < FLOAT_MAX, low, high)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the output and the new state."""
    source, old = inputs[0], inputs[STATE]
    assert source is not None and old is not None
    g = p.geometry
    x = source.astype(np.float32)
    features = np.zeros((g.batches, g.filters), np.float32)
    per_filter = np.zeros((g.batches, g.filters), np.float32)
    out = np.tile(p.bias, (g.batches, 1))
    state = np.empty((g.batches, g.filters, g.memory), np.float32)
    with np.errstate(all="ignore"):
        for i in range(g.inputs):
            features += p.feature_weights[:, i] * x[:, i, np.newaxis]
        state[:, :, :-1] = old.reshape(state.shape)[:, :, 1:]
        state[:, :, -1] = features
        for i in range(g.memory):
            per_filter += p.time_weights[:, i] * state[:, :, i]
        for i in range(g.rank):
            out += per_filter[:, i :: g.rank]
    if p.is_lowered:
        out = np.where(out < p.act_max, out, np.float32(p.act_max))
    if p.is_raised:
        out = np.where(p.act_min > out, np.float32(p.act_min), out)
    return [out, state.reshape(old.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; weights and biases are in its params."""
    fields = (
        *p.geometry.c_fields(),
        Field("float", "feature_weights", Constant(p.feature_weights)),
        Field("float", "time_weights", Constant(p.time_weights)),
        Field("float", "bias", Constant(p.bias)),
        Field("int32_t", "is_raised", int(p.is_raised)),
        Field("int32_t", "is_lowered", int(p.is_lowered)),
        *range_fields(p.act_min, p.act_max),
    )
    return KernelCall("ep_svdf_f32", fields, node.inputs[:1], node.outputs, state=(node.inputs[STATE],))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random weights; the state begins at 0."""
    yield Case("plain", _graph(rng, 7, 3, 2, 3))
    yield Case("rank 1", _graph(rng, 7, 3, 1, 3))
    yield Case("one of everything", _graph(rng, 1, 1, 1, 1))
    yield Case("long memory, rank 3", _graph(rng, 20, 5, 3, 10))
    for fused in ("RELU", "RELU6", "RELU_N1_TO_1"):
        yield Case(fused.lower(), _graph(rng, 7, 9, 2, 3, fused))


def _graph(
    rng: np.random.Generator, inputs: int, units: int, rank: int, memory: int, fused: Activation = "NONE"
) -> QuantGraph:
    def array(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float32)

    filters = units * rank
    operands = [
        activation((1, inputs), dtype="float32"),
        constant(array(filters, inputs)),
        constant(array(filters, memory)),
        constant(array(units)),
        variable(np.zeros((1, memory * filters), np.float32), "state"),
    ]
    return one_op("SVDF", operands, activation((1, units), dtype="float32"), SvdfOptions(rank, fused))


SVDF_F32 = Op(
    "SVDF",
    read,
    (),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("float32",),
    variables=(STATE,),
)
