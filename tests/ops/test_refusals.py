"""What convolutions, dense layers and pooling refuse, and how they say so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.errors import DataError, ModelError
from edgeprune.ops import bind, evaluate
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import (
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
    NoOptions,
    Options,
    PoolOptions,
)

SOURCE = activation((1, 4, 4, 4), 0.1, 2)
WEIGHTS = per_tensor(0.5)


def ones(*shape: int, dtype: str = "int8") -> np.ndarray:  # type: ignore[type-arg]
    return np.ones(shape, dtype)


def bias(count: int, value: int = 1, scale: float = 0.05) -> Tensor:
    return constant(np.full(count, value, np.int32), per_tensor(scale))


def conv(
    source: Tensor = SOURCE,
    filters: Tensor | None = None,
    biases: Tensor | None = None,
    result: Tensor | None = None,
    options: Options | None = None,
) -> QuantGraph:
    filters = filters or constant(ones(2, 3, 3, 4), WEIGHTS)
    inputs = [source, filters, biases or bias(2)]
    return one_op("CONV_2D", inputs, result or activation((1, 4, 4, 2), 1.0), options or ConvOptions())


def depthwise(filters: Tensor | None = None, **options: Any) -> QuantGraph:
    inputs = [SOURCE, filters or constant(ones(1, 3, 3, 4), WEIGHTS), bias(4)]
    return one_op("DEPTHWISE_CONV_2D", inputs, activation((1, 4, 4, 4), 1.0), DepthwiseConvOptions(**options))


def dense(
    filters: Tensor | None = None, biases: Tensor | None = None, result: Tensor | None = None
) -> QuantGraph:
    inputs = [activation((1, 8), 0.1), filters or constant(ones(3, 8), WEIGHTS), biases or bias(3)]
    return one_op("FULLY_CONNECTED", inputs, result or activation((1, 3), 1.0), FullyConnectedOptions())


def pool(op: str, result: Tensor, **options: Any) -> QuantGraph:
    return one_op(op, [SOURCE], result, PoolOptions("VALID", 2, 2, 2, 2, **options))


HALF = activation((1, 2, 2, 4), 0.1, 2)

REFUSED: dict[str, tuple[Callable[[], QuantGraph], str]] = {
    "float input": (
        lambda: conv(activation((1, 4, 4, 4), dtype="float32")),
        "'output0' is int8, beside float32 it must be float32",
    ),
    "input without scale": (lambda: conv(activation((1, 4, 4, 4))), "must be quantized with one scale"),
    "image of three dimensions": (lambda: conv(activation((1, 4, 16), 0.1)), "an image is [1, height"),
    "batch of two": (
        lambda: conv(result=activation((2, 4, 4, 2), 1.0)),
        "'output0' has shape [2, 4, 4, 2], an image is [1, height",
    ),
    "filter computed": (lambda: conv(filters=activation((2, 3, 3, 4), 0.1)), "must be a constant"),
    "filter float": (
        lambda: conv(filters=constant(ones(2, 3, 3, 4, dtype="float32"))),
        "'constant1' is float32, only quantized int8",
    ),
    "filter of two dimensions": (lambda: conv(filters=constant(ones(2, 36), WEIGHTS)), "needs 4 dimensions"),
    "filter quantized along inputs": (
        lambda: conv(filters=constant(ones(2, 3, 3, 4), per_channel([0.1] * 4, 3))),
        "quantized along axis 3, the output channels are axis 0",
    ),
    "filter not symmetric": (
        lambda: conv(filters=constant(ones(2, 3, 3, 4), per_tensor(0.5, 3))),
        "The zero points of the filter must be 0.",
    ),
    "filter for other channels": (
        lambda: conv(filters=constant(ones(2, 3, 3, 3), WEIGHTS)),
        "4 input channels do not make groups of 3",
    ),
    "groups that leave a filter": (
        lambda: conv(
            filters=constant(ones(3, 3, 3, 2), WEIGHTS),
            biases=bias(3),
            result=activation((1, 4, 4, 3), 1.0),
        ),
        "do not make groups of 2 for 3 output channels",
    ),
    "channels lost": (
        lambda: conv(result=activation((1, 4, 4, 3), 1.0)),
        "2 filters give 3 output channels",
    ),
    "bias too long": (lambda: conv(biases=bias(3)), "int32 with 3 elements, int32 with 2"),
    "bias of 64 bits": (lambda: conv(biases=constant(ones(2, dtype="int64"))), "is int64 with 2 elements"),
    "sums beyond 32 bits": (lambda: conv(biases=bias(2, 2_147_483_000)), "keep its sums within 32 bits"),
    "multiplier too large": (
        lambda: conv(result=activation((1, 4, 4, 2), 1e-11)),
        "must be less than 2^30 output scales",
    ),
    "other output": (
        lambda: conv(result=activation((1, 4, 5, 2), 1.0)),
        "the output is 4 x 5, the window gives 4 x 4",
    ),
    "stride of zero": (lambda: conv(options=ConvOptions(stride_h=0)), "stride 0 x 1"),
    "dilation of zero": (lambda: conv(options=ConvOptions(dilation_w=0)), "dilation 1 x 0"),
    "dilation too large": (lambda: conv(options=ConvOptions(dilation_w=40000)), "must be 1 to 32767"),
    "tanh": (lambda: conv(options=ConvOptions(activation="TANH")), "fused activation TANH"),
    "other options": (lambda: conv(options=PoolOptions()), "carries PoolOptions, not ConvOptions"),
    "window larger than the image": (
        lambda: one_op("MAX_POOL_2D", [SOURCE], HALF, PoolOptions("VALID", 1, 1, 5, 5)),
        "the window gives 0 x 0",
    ),
    "depthwise filter of two images": (
        lambda: depthwise(constant(ones(2, 3, 3, 4), WEIGHTS)),
        "not [1, height, width, channels]",
    ),
    "depthwise multiplier": (lambda: depthwise(depth_multiplier=2), "4 channels times 2 must be"),
    "depthwise filter not symmetric": (
        lambda: depthwise(constant(ones(1, 3, 3, 4), per_tensor(0.5, -1))),
        "The zero points of the filter must be 0.",
    ),
    "dense filter not symmetric": (
        lambda: dense(
            constant(ones(3, 8), replace(per_channel([0.5, 0.4, 0.3], 0), zero_points=(0, 1, 0))),
            bias(3),
        ),
        "with a scale for each output must be 0",
    ),
    "dense filter of another depth": (
        lambda: dense(constant(ones(3, 5), WEIGHTS)),
        "8 inputs are no rows of 5",
    ),
    "dense output": (
        lambda: dense(result=activation((1, 1, 4), 1.0)),
        "the output has shape [1, 1, 4], 1 rows of 3",
    ),
    "dense bias scale": (lambda: dense(biases=bias(3, scale=0.1)), "within 2 % of the output's scale"),
    "pool to another scale": (
        lambda: pool("AVERAGE_POOL_2D", activation((1, 2, 2, 4), 0.11, 2)),
        "must have the same scale",
    ),
    "pool to another zero point": (
        lambda: pool("MAX_POOL_2D", activation((1, 2, 2, 4), 0.1, 3)),
        "must have the same scale",
    ),
    "pool to other channels": (
        lambda: pool("MAX_POOL_2D", activation((1, 2, 2, 3), 0.1, 2)),
        "4 channels go in, 3 come out",
    ),
    "operator unknown": (
        lambda: one_op("COS", [SOURCE], activation((1, 4, 4, 4), 0.1), NoOptions()),
        "COS (node 0, 'output0'): the operator is not supported",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_with_the_node_and_the_reason(kind: str) -> None:
    make, message = REFUSED[kind]
    graph = make()
    with pytest.raises(ModelError) as caught:
        bind(graph)
    assert message in caught.value.message
    assert graph.place(graph.nodes[0]) in caught.value.message


@pytest.mark.parametrize("kind", ["dense bias scale", "pool to another scale", "pool to another zero point"])
def test_tflm_refuses_it_too(kind: str) -> None:
    graph = REFUSED[kind][0]()
    inputs = [np.zeros(graph.tensors[i].shape, np.int8) for i in graph.inputs]
    with pytest.raises(RuntimeError):
        tflm(write(graph), inputs)


def test_the_networks_that_refusals_vary_are_fine() -> None:
    for graph in (conv(), depthwise(), dense(), pool("MAX_POOL_2D", HALF), pool("AVERAGE_POOL_2D", HALF)):
        assert len(bind(graph)) == 1


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="1 inputs, 0 were given"):
        evaluate(conv(), [])
    with pytest.raises(DataError, match="'input0' is int8"):
        evaluate(conv(), [np.zeros((1, 4, 4, 3), np.int8)])
    with pytest.raises(DataError, match="got uint8"):
        evaluate(conv(), [np.zeros((1, 4, 4, 4), np.uint8)])
