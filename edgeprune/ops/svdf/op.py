"""SVDF, int8; time weights and state are int8 or int16. See operands.py for what it computes.

TFLM ignores the fused activation: the range of int8 is the only clamp. Features are clamped to the state's
type before its zero point is added, which may wrap. Sums over time wrap at 32 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    dtype_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    wrap_int32,
)
from edgeprune.ops.operands import Operands
from edgeprune.ops.svdf.cases import cases
from edgeprune.ops.svdf.float32 import SVDF_F32
from edgeprune.ops.svdf.operands import (
    BIAS,
    FEATURE_WEIGHTS,
    STATE,
    TIME_WEIGHTS,
    Geometry,
    check_dtypes,
    read_geometry,
)
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

BIAS_SCALE_ERROR = 1e-5
"""How far TFLM lets the bias's scale be from that of the sums, absolutely."""


@dataclass(frozen=True, eq=False)
class Params:
    """`feature_bias` has the input's zero point multiplied out; `largest_feature` bounds those sums."""

    geometry: Geometry
    state_dtype: str
    feature_weights: npt.NDArray[np.int8]
    time_weights: npt.NDArray[np.signedinteger]
    bias: npt.NDArray[np.int32]
    feature_bias: npt.NDArray[np.int64]
    feature_factor: tuple[int, int]
    output_factor: tuple[int, int]
    state_zero_point: int
    zero_point: int
    bias_scale_error: float
    largest_feature: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    geometry = read_geometry(operands)
    wide = "int16" if operands.input(STATE).dtype == "int16" else "int8"
    check_dtypes(operands, "int8", "int8", wide, "int32", wide, "int8")
    positions = (0, FEATURE_WEIGHTS, TIME_WEIGHTS, BIAS, STATE)
    source, features, times, bias, state = (operands.one_scale(operands.input(p)) for p in positions)
    result = operands.one_scale(operands.output())
    scale = {t.name: np.float32(t.scale) for t in (source, features, times, bias, state, result)}
    weights = features.array().astype(np.int64)
    folded = -source.zero_point * weights.sum(axis=1)
    most = np.abs(folded) + 128 * np.abs(weights).sum(axis=1)
    return Params(
        geometry,
        wide,
        features.array().astype(np.int8),
        times.array().astype(DTYPES[wide]),
        bias.array().astype(np.int32),
        folded,
        *_factors(*(np.float32(t.scale) for t in (source, features, times, state, result))),
        state.zero_point,
        result.zero_point,
        abs(bias.scale - float(scale[state.name] * scale[times.name])),
        int(most.max()),
    )


def _factors(
    source: np.float32, features: np.float32, times: np.float32, state: np.float32, result: np.float32
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Of features and of outputs; the products and quotients are float32."""
    with np.errstate(all="ignore"):
        return (
            quantize_multiplier(float(source * features / state)),
            quantize_multiplier(float(state * times / result)),
        )


def bias_has_the_scale_of_sums(p: Params) -> bool:
    """The bias's scale must be state scale x time weights' scale, within 1e-5."""
    return p.bias_scale_error < BIAS_SCALE_ERROR


def features_fit(p: Params) -> bool:
    """The feature weights of every filter must keep its sums within 32 bits."""
    return p.largest_feature < 1 << 31


def factors_are_small(p: Params) -> bool:
    """Products of scales must be less than 2^30 times the scale of what they become."""
    return all(shift <= MAX_SHIFT for _, shift in (p.feature_factor, p.output_factor))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the output and the new state."""
    source, old = inputs[0], inputs[STATE]
    assert source is not None and old is not None
    g = p.geometry
    sums = (source.astype(np.float64) @ p.feature_weights.astype(np.float64).T).astype(np.int64)
    features = multiply_by_quantized_multiplier(sums + p.feature_bias, *p.feature_factor)
    newest = np.clip(features, *dtype_range(p.state_dtype)).astype(np.int64) + p.state_zero_point
    state = np.empty((g.batches, g.filters, g.memory), DTYPES[p.state_dtype])
    state[:, :, :-1] = old.reshape(state.shape)[:, :, 1:]
    state[:, :, -1] = newest.astype(state.dtype)
    centred = state.astype(np.int64) - p.state_zero_point
    per_filter = (centred * p.time_weights).sum(axis=2)
    acc = wrap_int32(per_filter.reshape(g.batches, g.units, g.rank).sum(axis=2) + p.bias)
    return [requantize(acc, *p.output_factor, p.zero_point, -128, 127), state.reshape(old.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel for the type of the state; weights and biases are in its params."""
    scalars = {
        "feature_multiplier": p.feature_factor[0],
        "feature_shift": p.feature_factor[1],
        "multiplier": p.output_factor[0],
        "shift": p.output_factor[1],
        "state_zero_point": p.state_zero_point,
        "zero_point": p.zero_point,
    }
    fields = (
        *p.geometry.c_fields(),
        Field("int8_t", "feature_weights", Constant(p.feature_weights)),
        Field(f"{p.state_dtype}_t", "time_weights", Constant(p.time_weights)),
        Field("int32_t", "feature_bias", Constant(p.feature_bias.astype(np.int32))),
        Field("int32_t", "bias", Constant(p.bias)),
        *(Field("int32_t", name, value) for name, value in scalars.items()),
    )
    name = "ep_svdf_s8" if p.state_dtype == "int8" else "ep_svdf_wide_s8"
    return KernelCall(name, fields, node.inputs[:1], node.outputs, state=(node.inputs[STATE],))


SVDF = Op(
    "SVDF",
    read,
    (bias_has_the_scale_of_sums, features_fit, factors_are_small),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int8",),
    others=(SVDF_F32,),
    variables=(STATE,),
)
