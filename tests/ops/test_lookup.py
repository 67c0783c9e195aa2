"""Operators that are tables: the reference is TFLM on all 256 inputs, over many scales and zero points."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.ops import OPS, evaluate
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import LeakyReluOptions

ZERO_POINTS = (-128, 127, 0, -3, 61)


def scales(rng: np.random.Generator, low: float, high: float, count: int) -> Iterator[float]:
    """`count` scales between 2^low and 2^high, evenly spread in the exponent."""
    return (float(2.0**exponent) for exponent in rng.uniform(low, high, count))


def pairs(rng: np.random.Generator, low: float, high: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and outputs of 256 elements, scales of every size, unrelated or such that ties are many.

    A tie is a multiple of one scale half-way between two of the other: the last bit of the factor,
    and so whether it was computed in float32 or double, decides how it is rounded.
    """
    for number, (a, b) in enumerate(zip(scales(rng, low, high, 20), scales(rng, low, high, 20), strict=True)):
        zero_points = ZERO_POINTS[number % 5], ZERO_POINTS[number // 5]
        yield activation((256,), a, zero_points[0]), activation((256,), b, zero_points[1])
        half = 2 * int(rng.integers(50)) + 1
        b = a * 2 * (2 * int(rng.integers(1, 60)) + 1) / half
        yield activation((256,), a, zero_points[0]), activation((256,), b, zero_points[1])


def relu(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("RELU", [x], out) for x, out in pairs(rng, -16, 8))


def relu6(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("RELU6", [x], out) for x, out in pairs(rng, -16, 8))


def leaky_relu(rng: np.random.Generator) -> Iterator[QuantGraph]:
    for x, out in pairs(rng, -16, 8):
        yield one_op("LEAKY_RELU", [x], out, LeakyReluOptions(float(np.float32(rng.normal()))))


def quantize(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("QUANTIZE", [x], out) for x, out in pairs(rng, -16, 8))


def logistic(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("LOGISTIC", [x], activation((256,), 1 / 256, -128)) for x, _ in pairs(rng, -28, 7))


def tanh(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("TANH", [x], activation((256,), 1 / 128, 0)) for x, _ in pairs(rng, -28, 7))


def absolute(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("ABS", [x], out) for x, out in pairs(rng, -16, 8))


def elu(rng: np.random.Generator) -> Iterator[QuantGraph]:
    return (one_op("ELU", [x], out) for x, out in pairs(rng, -12, 4))


def hard_swish(rng: np.random.Generator) -> Iterator[QuantGraph]:
    """Scales from 2^-8 to 2^7 apart; TFLM refuses others, or shifts further than 16 bits have."""
    for x, out in pairs(rng, -12, 4):
        if 2.0**-8 <= x.scale / out.scale < 2.0**7:
            yield one_op("HARD_SWISH", [x], out)


def rsqrt(rng: np.random.Generator) -> Iterator[QuantGraph]:
    """Inputs whose zero point is the lowest: TFLM stops at any below it."""
    for x, out in pairs(rng, -16, 5):
        yield one_op("RSQRT", [activation((256,), x.scale, -128)], out)


NETWORKS = [relu, relu6, leaky_relu, quantize, logistic, tanh, absolute, elu, hard_swish, rsqrt]


@pytest.mark.parametrize("networks", NETWORKS)
def test_table_is_tflm_on_every_input(
    networks: Callable[[np.random.Generator], Iterator[QuantGraph]],
) -> None:
    everything = np.arange(-128, 128).astype(np.int8)
    seen = set()
    for graph in networks(np.random.default_rng(7)):
        (expected,) = tflm(write(graph), [everything])
        (actual,) = evaluate(graph, [everything])
        np.testing.assert_array_equal(actual, expected, err_msg=str(graph.tensors))
        seen.add(actual.tobytes())
    assert len(seen) > 10, "the scales must make different tables"


@pytest.mark.parametrize(
    ("name", "function", "out", "steps"),
    [("LOGISTIC", lambda x: 1 / (1 + np.exp(-x)), (1 / 256, -128), 1), ("TANH", np.tanh, (1 / 128, 0), 1)],
)
def test_table_is_near_the_function(
    name: str, function: Callable[[np.ndarray], np.ndarray], out: tuple[float, int], steps: int
) -> None:
    graph = one_op(name, [activation((256,), 0.05, 0)], activation((256,), *out))
    everything = np.arange(-128, 128).astype(np.int8)
    (actual,) = evaluate(graph, [everything])
    exact = np.clip(function(everything * float(np.float32(0.05))) / out[0] + out[1], -128, 127)
    # Half a step of rounding; the fixed point itself is good to far less than the other half.
    assert np.abs(actual - exact).max() <= steps


def test_kernel_call_holds_the_whole_table() -> None:
    graph = one_op("RELU", [activation((1, 5), 0.1, 0)], activation((1, 5), 0.1, 0))
    op = OPS["RELU"]
    call = op.kernel(op.checked(graph, graph.nodes[0]), graph.nodes[0])
    table = next(field.value for field in call.params if field.name == "table")
    assert table.array.dtype == np.uint8
    assert table.array.tolist() == [*range(128), *[0] * 128]
