"""What arithmetic, activations, shapes and conversions do not support is refused by name and reason."""

from dataclasses import replace

import numpy as np
import pytest

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import (
    Activation,
    ArithmeticOptions,
    ConcatenationOptions,
    LeakyReluOptions,
    ReducerOptions,
    ResizeNearestOptions,
    SoftmaxOptions,
    StridedSliceOptions,
)

X = activation((1, 4, 6), 0.1, 3)
FLOATS = activation((1, 4, 6), dtype="float32")
SHARES = activation((1, 4, 6), 1 / 256, -128)


def one(scale: float) -> Tensor:
    return activation((1,), scale)


def ints(*values: int) -> Tensor:
    return constant(np.array(values, np.int32))


def arithmetic(op: str, a: Tensor, b: Tensor, out: Tensor, fused: Activation = "NONE") -> QuantGraph:
    return one_op(op, [a, b], out, ArithmeticOptions(fused))


def mean(out_shape: tuple[int, ...], axes: Tensor, keep_dims: bool = False) -> QuantGraph:
    return one_op("MEAN", [X, axes], activation(out_shape, 0.1), ReducerOptions(keep_dims))


def joined(inputs: list[Tensor], out_h: int, axis: int = 1, fused: Activation = "NONE") -> QuantGraph:
    options = ConcatenationOptions(axis, fused)
    return one_op("CONCATENATION", list(inputs), activation((1, out_h, 6), 0.1, 3), options)


def sliced(out_shape: tuple[int, ...], stride: int = 1, begin: int = 0, **masks: int) -> QuantGraph:
    bounds = [ints(0, begin, 0), ints(1, 4, 6), ints(1, stride, 1)]
    options = StridedSliceOptions(**masks)
    return one_op("STRIDED_SLICE", [X, *bounds], activation(out_shape, 0.1, 3), options)


def softmax(x: Tensor, out: Tensor, beta: float = 1.0) -> QuantGraph:
    return one_op("SOFTMAX", [x], out, SoftmaxOptions(beta))


def leaky(x: Tensor, out: Tensor, alpha: float) -> QuantGraph:
    return one_op("LEAKY_RELU", [x], out, LeakyReluOptions(alpha))


DEEP = activation((1, 1, 1, 1, 1, 1, 2), 0.1)
LONG = activation((1, 4096), 0.1), activation((1, 4096), 1 / 256, -128)
WRONG_FILL = constant(np.zeros(1, np.int8), per_tensor(0.2, 3))

REFUSED: dict[str, tuple[QuantGraph, str]] = {
    "ADD float": (arithmetic("ADD", FLOATS, X, FLOATS), "beside float32 it must be float32"),
    "ADD shapes": (arithmetic("ADD", X, activation((5,), 0.1), X), "must broadcast"),
    "ADD output": (arithmetic("ADD", X, X, activation((2, 4, 6), 0.1)), "must broadcast to the output's"),
    "ADD rank": (arithmetic("ADD", DEEP, DEEP, DEEP), "at most six dimensions"),
    "ADD scales": (arithmetic("ADD", one(0.1), one(0.1), one(0.2 * 2.0**-20)), "must be larger than 2^-19"),
    "ADD tanh": (arithmetic("ADD", X, X, X, "TANH"), "fused activation TANH"),
    "SUB scales": (arithmetic("SUB", one(0.1), one(0.1), one(0.1 * 2.0**-20)), "must be larger than 2^-19"),
    "MUL scales": (arithmetic("MUL", one(0.1), one(0.1), one(1e-12)), "product of the inputs' scales"),
    "MEAN axis": (mean((1, 4), ints(3)), "are not all axes"),
    "MEAN shape": (mean((1, 4), ints(2), keep_dims=True), "without the axes"),
    "MEAN computed": (mean((1, 4), activation((1,), dtype="int32")), "must be a constant"),
    "PAD paddings": (one_op("PAD", [X, ints(0, 0, 1, 0)], X), "Two paddings for each dimension"),
    "PAD negative": (one_op("PAD", [X, ints(0, 0, -1, 1, 0, 0)], X), "none negative"),
    "PADV2 fill": (one_op("PADV2", [X, ints(*[0] * 6), WRONG_FILL], X), "zero point of the output"),
    "RESHAPE count": (one_op("RESHAPE", [X], activation((1, 25), 0.1)), "as many elements"),
    "RESHAPE type": (one_op("RESHAPE", [X], FLOATS), "is float32"),
    "CONCATENATION scales": (joined([X, activation((1, 4, 6), 0.2, 3)], 8), "same scale and zero point"),
    "CONCATENATION shapes": (joined([X, X], 9), "add up to the output"),
    "CONCATENATION axis": (joined([X, X], 8, axis=3), "is no axis"),
    "CONCATENATION count": (joined([X] * 11, 44), "takes 1 to 10"),
    "CONCATENATION fused": (joined([X], 4, fused="RELU"), "no fused activation"),
    "SOFTMAX output": (softmax(X, X), "must be 1/256"),
    "SOFTMAX beta": (softmax(X, SHARES, 0.0), "larger than 2^-26"),
    "SOFTMAX depth": (softmax(*LONG), "1 to 4095"),
    "LOGISTIC output": (one_op("LOGISTIC", [X], X), "must be 1/256"),
    "TANH output": (one_op("TANH", [X], X), "must be 1/128"),
    "TANH input": (one_op("TANH", [one(2.0**-29)], one(1 / 128)), "at least 2^-28"),
    "RELU scales": (one_op("RELU", [one(0.1)], one(1e-11)), "less than 2^30"),
    "RELU far scales": (one_op("RELU", [one(1e30)], one(1e-30)), "less than 2^30"),
    "RELU shape": (one_op("RELU", [X], activation((1, 24), 0.1)), "is (1, 24)"),
    "RELU6 scale": (one_op("RELU6", [one(1e-12)], one(1.0)), "too small"),
    "LEAKY_RELU nan": (leaky(X, X, float("nan")), "alpha is nan"),
    "LEAKY_RELU large": (leaky(X, X, 3e38), "less than 2^30"),
    "QUANTIZE types": (one_op("QUANTIZE", [FLOATS], FLOATS), "float32 to float32 is not supported"),
    "QUANTIZE scales": (one_op("QUANTIZE", [one(1.0)], one(1e-10)), "less than 2^30"),
    "DEQUANTIZE type": (one_op("DEQUANTIZE", [X], X), "must be float32"),
    "TRANSPOSE twice": (one_op("TRANSPOSE", [X, ints(0, 1, 1)], activation((1, 4, 4), 0.1, 3)), "named once"),
    "TRANSPOSE shape": (one_op("TRANSPOSE", [X, ints(0, 2, 1)], X), "shape must follow"),
    "STRIDED_SLICE zero": (sliced((1, 4, 6), stride=0), "other than 0"),
    "STRIDED_SLICE ellipsis": (sliced((1, 4, 6), ellipsis_mask=1), "no ellipsis"),
    "STRIDED_SLICE empty": (sliced((1, 0, 6), begin=4), "must not be empty"),
    "STRIDED_SLICE shape": (sliced((1, 4, 6), begin=1), "must have the slice's shape"),
    "STRIDED_SLICE backwards": (sliced((1, 6), stride=-1, shrink_axis_mask=2), "positive stride"),
    "STRIDED_SLICE outside": (sliced((1, 6), begin=4, shrink_axis_mask=2), "index inside"),
    "RESIZE_NEAREST_NEIGHBOR": (
        one_op("RESIZE_NEAREST_NEIGHBOR", [X, ints(2, 2)], X, ResizeNearestOptions()),
        "must be 4-D",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name: str) -> None:
    graph, reason = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        bind(graph)
    assert reason in caught.value.message
    assert f"{graph.nodes[0].op} (node 0, 'output0')" in caught.value.message


def test_options_of_another_operator_are_refused() -> None:
    graph = arithmetic("ADD", X, X, X)
    node = replace(graph.nodes[0], options=SoftmaxOptions())
    with pytest.raises(ModelError, match="carries SoftmaxOptions, not ArithmeticOptions"):
        bind(replace(graph, nodes=(node,)))
