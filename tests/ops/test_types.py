"""Float32 and int16 where cases are too few: special floats, every int16, random windows, refusals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.kernels import KernelProgram, Run, sanitizing_gcc
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.errors import ModelError
from edgeprune.ops import OPS, bind, evaluate
from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.ops.fixedpoint import window_output
from edgeprune.ops.retype import Cases, float_cases, narrow_biases, wide_cases
from edgeprune.tflite.graph import Array, QuantGraph, Tensor
from edgeprune.tflite.options import (
    ArithmeticOptions,
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
    LeakyReluOptions,
    NoOptions,
    Options,
    Padding,
    PoolOptions,
    ReducerOptions,
    SoftmaxOptions,
)

SPECIAL = np.array(
    [0, -0.0, 1, -1, np.inf, -np.inf, 1e-40, -1e-40, 3e38, -3e38, 1e-45, 6, 88.7, -9, -104, 1e-20, np.nan],
    np.float32,
)
FIRST = np.repeat(SPECIAL, len(SPECIAL)).reshape(1, -1)
SECOND = np.tile(SPECIAL, len(SPECIAL)).reshape(1, -1)
PAIRS = np.stack([FIRST[0], SECOND[0]], axis=1)


def floats(*shape: int) -> Tensor:
    return activation(shape, dtype="float32")


def unary(op: str, options: Options | None = None) -> QuantGraph:
    return one_op(op, [floats(*FIRST.shape)], floats(*FIRST.shape), options or NoOptions())


def binary(op: str, options: Options) -> QuantGraph:
    return one_op(op, [floats(*FIRST.shape), floats(*FIRST.shape)], floats(*FIRST.shape), options)


def pool(op: str) -> QuantGraph:
    pixels = FIRST.size
    options = PoolOptions("VALID", 1, 1, 1, 2, "NONE")
    return one_op(op, [floats(1, 1, pixels, 1)], floats(1, 1, pixels - 1, 1), options)


ONES = constant(np.array([[1, -1]], np.float32))
AXIS = constant(np.array([1], np.int32))

FLOAT_NETWORKS: dict[str, tuple[QuantGraph, list[Array]]] = {
    "RELU": (unary("RELU"), [FIRST]),
    "RELU6": (unary("RELU6"), [FIRST]),
    "LOGISTIC": (unary("LOGISTIC"), [FIRST]),
    "TANH": (unary("TANH"), [FIRST]),
    "LEAKY_RELU": (unary("LEAKY_RELU", LeakyReluOptions(0.5)), [FIRST]),
    "ADD": (binary("ADD", ArithmeticOptions()), [FIRST, SECOND]),
    "ADD relu": (binary("ADD", ArithmeticOptions("RELU")), [FIRST, SECOND]),
    "SUB relu6": (binary("SUB", ArithmeticOptions("RELU6")), [FIRST, SECOND]),
    "MUL": (binary("MUL", ArithmeticOptions()), [FIRST, SECOND]),
    "AVERAGE_POOL_2D": (pool("AVERAGE_POOL_2D"), [SECOND.reshape(1, 1, -1, 1)]),
    "MAX_POOL_2D": (pool("MAX_POOL_2D"), [SECOND.reshape(1, 1, -1, 1)]),
    "SOFTMAX": (one_op("SOFTMAX", [floats(*PAIRS.shape)], floats(*PAIRS.shape), SoftmaxOptions()), [PAIRS]),
    "MEAN": (one_op("MEAN", [floats(*PAIRS.shape), AXIS], floats(len(PAIRS)), ReducerOptions()), [PAIRS]),
    "FULLY_CONNECTED": (
        one_op(
            "FULLY_CONNECTED", [floats(*PAIRS.shape), ONES], floats(len(PAIRS), 1), FullyConnectedOptions()
        ),
        [PAIRS],
    ),
}


def bits(array: Array) -> Array:
    """The bits of floats, all NaNs the same: nobody says which of two NaNs an operation keeps."""
    real = np.asarray(array, np.float32)
    return np.where(np.isnan(real), np.float32(np.nan), real).view(np.uint32)


@pytest.mark.parametrize("name", FLOAT_NETWORKS)
def test_special_floats(name: str, tmp_path: Path) -> None:
    graph, inputs = FLOAT_NETWORKS[name]
    (expected,) = tflm(write(graph), inputs)
    (actual,) = evaluate(graph, inputs)
    np.testing.assert_array_equal(bits(actual), bits(expected))
    op = OPS[graph.nodes[0].op].of(graph, graph.nodes[0])
    program = KernelProgram(op, [Case(name, graph)], tmp_path, sanitizing_gcc())
    ((data,),) = program.outputs([Run(0, tuple(inputs))])
    np.testing.assert_array_equal(
        bits(np.frombuffer(data, np.float32).reshape(expected.shape)), bits(expected)
    )


EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16).reshape(1, -1)


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
def test_every_int16(op: str, tmp_path: Path) -> None:
    """The plain scales use all of the table; others reach every shift."""
    rng = np.random.default_rng(3)
    scales = [2.0**-12, 2.0**-11, 2.0**-10, *(2.0 ** rng.uniform(-40, 1.4, 12))]
    networks = []
    for scale in scales:
        x = activation(EVERY_INT16.shape, scale, dtype="int16")
        networks.append(one_op(op, [x], activation(EVERY_INT16.shape, 2.0**-15, dtype="int16")))
    expected = [tflm(write(graph), [EVERY_INT16])[0] for graph in networks]
    for graph, wanted in zip(networks, expected, strict=True):
        np.testing.assert_array_equal(evaluate(graph, [EVERY_INT16])[0], wanted)
    assert len(np.unique(expected[0])) > 15_000
    cases = [Case(str(number), graph) for number, graph in enumerate(networks)]
    kind = OPS[op].of(networks[0], networks[0].nodes[0])
    program = KernelProgram(kind, cases, tmp_path, sanitizing_gcc())
    results = program.outputs([Run(number, (EVERY_INT16,)) for number in range(len(networks))])
    assert [wanted.tobytes() for wanted in expected] == [data for (data,) in results]


def test_softmax_of_many_int16_rows() -> None:
    """Two elements: the first reads all of the exponentials' table, the sum all of the reciprocals'."""
    rows = np.stack([np.zeros(32768), -np.arange(32768)], axis=1).astype(np.int16)
    for scale in (10 / 65535, 10 / 32767, 0.0007):
        x = activation(rows.shape, scale, dtype="int16")
        graph = one_op("SOFTMAX", [x], activation(rows.shape, 1 / 32768, dtype="int16"), SoftmaxOptions())
        np.testing.assert_array_equal(evaluate(graph, [rows])[0], tflm(write(graph), [rows])[0])


def random_window(op: str, rng: np.random.Generator) -> QuantGraph | None:
    """An int8 network of `op`, None where the drawn window does not fit the drawn image."""
    in_h, in_w, window_h, window_w, stride_h, stride_w = rng.integers(1, [9, 9, 6, 6, 4, 4]).tolist()
    dilation_h, dilation_w = rng.integers(1, 4, 2).tolist() if "CONV" in op else (1, 1)
    padding: Padding = "SAME" if rng.random() < 0.6 else "VALID"
    out_h = window_output(padding, in_h, window_h, stride_h, dilation_h)
    out_w = window_output(padding, in_w, window_w, stride_w, dilation_w)
    if out_h < 1 or out_w < 1:
        return None
    groups, group_channels, multiplier = rng.integers(1, [4, 5, 4]).tolist()
    in_channels, strides = groups * group_channels, (stride_h, stride_w)
    source = activation((1, in_h, in_w, in_channels), 0.025)
    if "CONV" not in op:
        result = activation((1, out_h, out_w, in_channels), 0.025)
        return one_op(op, [source], result, PoolOptions(padding, *strides, window_h, window_w, "RELU6"))
    channels, shape = groups * multiplier, (groups * multiplier, window_h, window_w, group_channels)
    options: Options = ConvOptions(padding, *strides, dilation_h, dilation_w, "RELU6")
    if op == "DEPTHWISE_CONV_2D":
        channels = in_channels * multiplier
        shape = (1, window_h, window_w, channels)
        options = DepthwiseConvOptions(padding, *strides, dilation_h, dilation_w, multiplier)
    scales = np.exp(rng.uniform(-7, -2, channels)).tolist()
    weights = rng.integers(-127, 128, shape, dtype=np.int8)
    filters = constant(weights, per_channel(scales, 0 if op == "CONV_2D" else 3))
    biases = rng.integers(-3000, 3001, channels, dtype=np.int32)
    bias = constant(biases, per_channel([0.025 * scale for scale in scales], 0))
    return one_op(op, [source, filters, bias], activation((1, out_h, out_w, channels), 0.3), options)


def narrow(cases: Cases) -> Cases:
    return narrow_biases(wide_cases(cases), [str(number) for number in range(100)])


WINDOWS = [
    (op, retype)
    for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
    for retype in (float_cases, wide_cases)
]


@pytest.mark.parametrize(("op", "retype"), [*WINDOWS, ("CONV_2D", narrow)])
def test_random_windows(op: str, retype: Callable[[Cases], Cases], tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    drawn = [random_window(op, rng) for _ in range(80)]
    graphs = [graph for graph in drawn if graph is not None][:40]
    plain = [Case(str(number), graph) for number, graph in enumerate(graphs)]
    cases = list(retype(lambda _: iter(plain))(rng))
    assert len(cases) == 40
    runs, expected = [], []
    for number, case in enumerate(cases):
        tensor = case.graph.tensors[case.graph.inputs[0]]
        image: Array = rng.normal(scale=4, size=tensor.shape).astype(np.float32)
        if tensor.dtype == "int16":
            image = rng.integers(-32768, 32768, tensor.shape, dtype=np.int16)
        (wanted,) = tflm(write(case.graph), [image])
        (got,) = evaluate(case.graph, [image])
        assert wanted.tobytes() == got.tobytes(), case.graph.nodes[0].options
        runs.append(Run(number, (image,)))
        expected.append(wanted)
    kind = OPS[op].of(cases[0].graph, cases[0].graph.nodes[0])
    outputs = KernelProgram(kind, cases, tmp_path, sanitizing_gcc()).outputs(runs)
    for case, wanted, (data,) in zip(cases, expected, outputs, strict=True):
        assert wanted.tobytes() == data, case.graph.nodes[0].options


def words(*shape: int, scale: float = 0.01, zero_point: int = 0) -> Tensor:
    return activation(shape, scale, zero_point, "int16")


def dense(source: Tensor, weights: Tensor, *bias: Tensor, result: Tensor) -> QuantGraph:
    return one_op("FULLY_CONNECTED", [source, weights, *bias], result, FullyConnectedOptions())


def filters(*shape: int, scale: float = 0.5, zero_point: int = 0) -> Tensor:
    return constant(np.ones(shape, np.int8), per_tensor(scale, zero_point))


def bias(dtype: str, count: int, value: int = 1, scale: float = 0.005) -> Tensor:
    return constant(np.full(count, value, dtype), per_tensor(scale))


IMAGE = (1, 4, 4, 2)

REFUSED: dict[str, tuple[QuantGraph, str]] = {
    "int16 with a zero point": (
        one_op("RELU", [words(1, 4, zero_point=1)], words(1, 4)),
        "has zero point 1, int16 needs 0",
    ),
    "int16 to int8": (one_op("RELU", [words(1, 4)], activation((1, 4), 0.1)), "is int8, must be int16"),
    "float with int8 weights": (
        dense(floats(1, 8), filters(3, 8), result=floats(1, 3)),
        "beside float32 it must be float32",
    ),
    "float with a computed filter": (
        dense(floats(1, 8), floats(3, 8), result=floats(1, 3)),
        "must be a constant",
    ),
    "infinite weight": (
        dense(floats(1, 2), constant(np.array([[1, np.inf]], np.float32)), result=floats(1, 1)),
        "holds infinite values or NaN",
    ),
    "float bias too long": (
        dense(floats(1, 2), ONES, constant(np.ones(2, np.float32)), result=floats(1, 1)),
        "has 2 elements, 1 are needed",
    ),
    "factor of 128": (
        dense(words(1, 8), filters(3, 8, scale=512.0), result=words(1, 3, scale=0.01)),
        "factors below 128",
    ),
    "sum of 2^47": (
        dense(words(1, 8), filters(3, 8), bias("int64", 3, 1 << 47), result=words(1, 3)),
        "within 47 bits",
    ),
    "sum of 2^31 with an int32 bias": (
        dense(words(1, 8), filters(3, 8), bias("int32", 3, (1 << 31) - 1), result=words(1, 3)),
        "with an int32 bias 32 bits",
    ),
    "bias of another scale": (
        dense(words(1, 8), filters(3, 8), bias("int64", 3, scale=0.1), result=words(1, 3)),
        "within 2 % of the output's scale",
    ),
    "filter not symmetric": (
        dense(words(1, 8), filters(3, 8, zero_point=1), result=words(1, 3)),
        "zero points of the filter",
    ),
    "depthwise with an int32 bias": (
        one_op(
            "DEPTHWISE_CONV_2D",
            [words(*IMAGE), filters(1, 3, 3, 2), bias("int32", 2)],
            words(*IMAGE),
            DepthwiseConvOptions(),
        ),
        "is int32 with 2 elements, int64 with 2 is supported",
    ),
    "tanh of a huge scale": (
        one_op("TANH", [words(1, 4, scale=2.7)], words(1, 4, scale=2.0**-15)),
        "must be less than 32768 / (3 * 4096)",
    ),
    "logistic with another output": (
        one_op("LOGISTIC", [words(1, 4)], words(1, 4, scale=2.0**-14)),
        "The output's scale must be 2^-15",
    ),
    "softmax with another output": (
        one_op("SOFTMAX", [words(1, 4)], words(1, 4, scale=2.0**-14), SoftmaxOptions()),
        "The output's scale must be 1/32768",
    ),
    "quantize int16 to uint8": (
        one_op("QUANTIZE", [words(1, 4)], activation((1, 4), 0.1, 0, "uint8")),
        "int16 to uint8 is not supported",
    ),
    "int32 with a scale": (
        one_op(
            "ADD",
            [activation((1, 4), 0.1, 0, "int32")] * 2,
            activation((1, 4), dtype="int32"),
            ArithmeticOptions(),
        ),
        "must be int32 without a scale",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    graph, reason = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        bind(graph)
    assert reason in caught.value.message
    assert graph.nodes[0].op in caught.value.message
