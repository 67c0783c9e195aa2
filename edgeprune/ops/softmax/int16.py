"""SOFTMAX over the last dimension in int16: exp and 1/(1+x) are tables with straight lines between.

exp is tabled on [-10, 0], 1/(1+x) on [0, 1]: 512 steps each, in units of 2^-15. The tables are those
that TFLM fills in float32 when it prepares the operator; they hold for every scale.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Case, Constant, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.floatmath import expf
from edgeprune.ops.floats import FloatArray
from edgeprune.ops.operands import Operands
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import SoftmaxOptions

Int64Array = npt.NDArray[np.int64]

STEPS = 512


@dataclass(frozen=True)
class Params:
    """Distances from the largest input, scaled, are in units of 10/65535."""

    rows: int
    depth: int
    multiplier: int
    shift: int
    out_scale: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = int16_tensor(operands, operands.input(0)), int16_tensor(operands, operands.output())
    operands.same_shape(x, out)
    if not x.shape:
        raise operands.error("the input has no dimensions")
    factor = x.scale * operands.options(SoftmaxOptions).beta / (10.0 / 65535.0)
    return Params(prod(x.shape[:-1]), x.shape[-1], *quantize_multiplier(factor), out.scale)


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 1/32768, within a thousandth."""
    return abs(p.out_scale - 1 / 32768) <= 0.001 / 32768


def factor_is_supported(p: Params) -> bool:
    """beta times the input's scale must not be negative, and less than 16384 * 10/65535."""
    return p.multiplier >= 0 and p.shift <= 14


def sum_fits_32_bits(p: Params) -> bool:
    """The last dimension must have 1 to 65535 elements, and the input must not be empty."""
    return 1 <= p.depth <= 65535 and p.rows >= 1


def _rounded(values: FloatArray) -> FloatArray:
    """To the nearest integer, halves away from zero."""
    return np.copysign(np.floor(np.abs(values).astype(np.float64) + 0.5), values).astype(np.float32)


def _tabled(function: Callable[[FloatArray], FloatArray], low: np.float32, high: np.float32) -> Int64Array:
    """`function` at 513 places from `low` to `high`, moved by half the error in the middle of the step."""
    one = np.float32(1)
    output = np.float32(2) / np.float32(65535)
    inverse = np.float32(65536) / (output * np.float32(32767) - output * np.float32(-32768))
    step = (high - low) / np.float32(STEPS)
    steps = np.arange(STEPS, dtype=np.float32)
    here = function(low + steps * step) * inverse
    middle = function(low + steps * step + step / np.float32(2)) * inverse
    after = function(low + (steps + one) * step) * inverse
    error = _rounded((after + _rounded(here)) / np.float32(2)) - _rounded(middle)
    moved = _rounded(here) - _rounded(error / np.float32(2))
    last = _rounded(function(np.array([high], np.float32)) * inverse)
    table: Int64Array = np.clip(np.concatenate([moved, last]), -32768, 32767).astype(np.int64)
    return table


@cache
def exp_table() -> Int64Array:
    """exp(x) for x from -10 to 0."""
    scale = np.float32(10) / np.float32(65535)
    return _tabled(expf, scale * np.float32(-65535), np.float32(0))


@cache
def reciprocal_table() -> Int64Array:
    """1 / (1 + x) for x from 0 to 1."""
    one = np.float32(1)
    return _tabled(lambda x: one / (one + x), np.float32(0), one / np.float32(65535) * np.float32(65535))


def look_up(table: Int64Array, at: Int64Array) -> Int64Array:
    """The table between its places, `at` from -32768 to 32767."""
    index = 256 + (at >> 7)
    slope = table[index + 1] - table[index]
    between: Int64Array = table[index] + ((slope * (at & 127) + 64) >> 7)
    return between


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row: exponentials, their sum, its reciprocal, the products."""
    assert inputs[0] is not None
    rows = inputs[0].reshape(p.rows, p.depth).astype(np.int64)
    distance = rows - rows.max(axis=1, keepdims=True)
    scaled = multiply_by_quantized_multiplier(distance, p.multiplier, p.shift).astype(np.int64)
    exps = look_up(exp_table(), np.clip(scaled + 32767, -32768, 32767))
    total = exps.sum(axis=1, keepdims=True)
    bits = np.array([int(t).bit_length() for t in total[:, 0]])[:, np.newaxis]
    fraction = (((total << (31 - bits)) + (1 << 13)) >> 14) - (1 << 15) - (1 << 16)
    reciprocal = look_up(reciprocal_table(), np.clip(fraction, -32768, 32767))
    shift = bits - 1
    shares = (exps * reciprocal + (np.int64(1) << (shift - 1))) >> shift
    return [np.clip(shares, 0, 32767).astype(np.int16).reshape(inputs[0].shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel, with the tables in flash; the output holds the exponentials on the way."""
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "multiplier", p.multiplier),
        Field("int32_t", "shift", p.shift),
        Field("int16_t", "exps", Constant(exp_table().astype(np.int16))),
        Field("int16_t", "reciprocals", Constant(reciprocal_table().astype(np.int16))),
    )
    return KernelCall("ep_softmax_s16", fields, node.inputs, node.outputs, lags=((0, 0),))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Rows of 1 to 500, every rank, steep and flat, beta."""
    for name, shape, scale, beta in (
        ("ten_classes", (1, 10), 6e-4, 1.0),
        ("one_class", (1, 3, 1), 4e-4, 1.0),
        ("two_classes", (1, 2), 2e-4, 1.0),
        ("vector", (7,), 4e-4, 1.0),
        ("rank_5", (1, 2, 2, 2, 6), 3e-4, 1.0),
        ("many", (1, 500), 4e-4, 1.0),
        ("many_rows", (1, 500, 3), 2e-4, 1.0),
        ("flat", (1, 300), 1e-9, 1.0),
        ("vanishing", (1, 30), 1e-30, 1.0),
        ("steep", (1, 4, 30), 0.01, 1.0),
        ("steepest", (1, 4, 30), 2.4, 1.0),
        ("flat_rows", (1, 60, 200), 2e-5, 1.0),
        ("beta_half", (1, 4, 12), 8e-4, 0.5),
    ):
        x, out = activation(shape, scale, dtype="int16"), activation(shape, 1 / 32768, dtype="int16")
        yield Case(name, one_op("SOFTMAX", [x], out, SoftmaxOptions(beta)))


SOFTMAX_S16 = Op(
    "SOFTMAX",
    read,
    (output_scale_is_fixed, factor_is_supported, sum_fits_32_bits),
    reference,
    kernel,
    cases,
    types=("int16",),
)
