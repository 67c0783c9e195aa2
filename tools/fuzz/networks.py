"""Random one-operator networks, one generator for each operator of OPS.

Shapes, windows, scales and zero points are drawn widely, mostly within the operators' rules; what a
rule refuses is drawn again by the caller.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import (
    Activation,
    ArithmeticOptions,
    ConcatenationOptions,
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
    LeakyReluOptions,
    Padding,
    PoolOptions,
    ReducerOptions,
    ResizeNearestOptions,
    SoftmaxOptions,
    StridedSliceOptions,
)

Rng = np.random.Generator
Draw = Callable[[Rng], QuantGraph]
Shape = tuple[int, ...]

CLAMPS: tuple[Activation, ...] = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")


def below(rng: Rng, most: int) -> int:
    """1 to `most`, small ones more often."""
    return int(rng.integers(1, int(rng.integers(1, most + 1)) + 1))


def scale(rng: Rng) -> float:
    """Usual scales, and now and then one that is far off."""
    low, high = (1e-9, 1e5) if rng.random() < 0.15 else (1e-3, 0.5)
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def zero_point(rng: Rng) -> int:
    return (-128, 127, 0, int(rng.integers(-128, 128)))[int(rng.integers(4))]


def tensor(rng: Rng, shape: Shape) -> Tensor:
    return activation(shape, scale(rng), zero_point(rng))


def clamp(rng: Rng) -> Activation:
    return CLAMPS[rng.integers(len(CLAMPS))]


def shape_of(rng: Rng, least: int, most: int, extent: int = 7) -> Shape:
    """A shape of `least` to `most` dimensions, the batch of 1 in front."""
    return (1, *(below(rng, extent) for _ in range(int(rng.integers(least, most + 1)) - 1)))


def window(rng: Rng) -> tuple[Padding, list[int], list[int], list[int], list[int]]:
    """Padding, image, window, stride and dilation (height, width) that give an output."""
    while True:
        image = [below(rng, 14), below(rng, 14)]
        size, stride, dilation = ([below(rng, most), below(rng, most)] for most in (6, 5, 4))
        padding: Padding = "SAME" if rng.random() < 0.6 else "VALID"
        if all(extent > 0 for extent in outputs(padding, image, size, stride, dilation)):
            return padding, image, size, stride, dilation


def outputs(
    padding: Padding, image: list[int], size: list[int], stride: list[int], dilation: list[int]
) -> list[int]:
    return [window_output(padding, *extents) for extents in zip(image, size, stride, dilation, strict=True)]


def filters(rng: Rng, source: Tensor, shape: Shape, axis: int) -> tuple[Tensor, Tensor | None, float]:
    """Weights, bias (None: left out) and a scale for the output that keeps most sums in its range."""
    channels = shape[axis]
    is_wide = rng.random() < 0.15
    scales: float | list[float] = spread(rng, channels, 1e-9 if is_wide else 1e-3, 10.0 if is_wide else 0.1)
    if rng.random() < 0.2:
        scales = float(np.float32(scales[0])) if isinstance(scales, list) else scales
    most = int(rng.choice([10, 3000, 1_000_000]))
    bias = random_bias(rng, channels, source.scale, scales, most) if rng.random() < 0.85 else None
    largest = max(scales) if isinstance(scales, list) else scales
    reach = source.scale * largest * 2000 * np.sqrt(prod(shape) / channels) / 128
    factor = np.exp(rng.uniform(-7, 7)) if is_wide else np.exp(rng.uniform(-1, 2))
    return random_filter(rng, shape, scales, axis), bias, float(reach * factor)


def conv2d(rng: Rng) -> QuantGraph:
    padding, image, size, stride, dilation = window(rng)
    groups, group_channels, multiplier = (
        (below(rng, 4) if rng.random() < 0.3 else 1),
        below(rng, 9),
        below(rng, 5),
    )
    source = tensor(rng, (1, *image, groups * group_channels))
    weights, bias, out_scale = filters(rng, source, (groups * multiplier, *size, group_channels), 0)
    out = outputs(padding, image, size, stride, dilation)
    result = activation((1, *out, groups * multiplier), out_scale, zero_point(rng))
    options = ConvOptions(padding, stride[0], stride[1], dilation[0], dilation[1], clamp(rng))
    return one_op("CONV_2D", [source, weights, *([bias] if bias else [])], result, options)


def depthwise(rng: Rng) -> QuantGraph:
    padding, image, size, stride, dilation = window(rng)
    in_channels, multiplier = below(rng, 12), below(rng, 4)
    channels = in_channels * multiplier
    source = tensor(rng, (1, *image, in_channels))
    weights, bias, out_scale = filters(rng, source, (1, *size, channels), 3)
    out = outputs(padding, image, size, stride, dilation)
    result = activation((1, *out, channels), out_scale, zero_point(rng))
    options = DepthwiseConvOptions(
        padding, stride[0], stride[1], dilation[0], dilation[1], multiplier, clamp(rng)
    )
    return one_op("DEPTHWISE_CONV_2D", [source, weights, *([bias] if bias else [])], result, options)


def fully_connected(rng: Rng) -> QuantGraph:
    rows, depth, channels = (below(rng, 5) if rng.random() < 0.4 else 1), below(rng, 90), below(rng, 20)
    source = tensor(rng, (1, depth) if rows == 1 else (1, rows, depth))
    weights, bias, out_scale = filters(rng, source, (channels, depth), 0)
    keeps = bool(rng.integers(2))
    shape = (1, channels) if rows == 1 else (1, rows, channels) if keeps else (rows, channels)
    result = activation(shape, out_scale, zero_point(rng))
    options = FullyConnectedOptions(clamp(rng), keeps)
    return one_op("FULLY_CONNECTED", [source, weights, *([bias] if bias else [])], result, options)


def pool(op: str) -> Draw:
    def draw(rng: Rng) -> QuantGraph:
        padding, image, size, stride, _ = window(rng)
        out = (
            window_output(padding, image[0], size[0], stride[0]),
            window_output(padding, image[1], size[1], stride[1]),
        )
        channels = below(rng, 9)
        source = tensor(rng, (1, *image, channels))
        result = activation((1, *out, channels), source.scale, source.zero_point)
        if min(out) < 1:
            return draw(rng)
        options = PoolOptions(padding, stride[0], stride[1], size[0], size[1], clamp(rng))
        return one_op(op, [source], result, options)

    return draw


def arithmetic(op: str) -> Draw:
    def draw(rng: Rng) -> QuantGraph:
        out = shape_of(rng, 1, 6, 5)
        shapes = []
        for _ in range(2):
            one = tuple(1 if rng.random() < 0.25 else extent for extent in out)
            shapes.append(one[int(rng.integers(len(one) + 1)) if rng.random() < 0.2 else 0 :])
        inputs = [tensor(rng, shape) for shape in shapes]
        if rng.random() < 0.2:
            values = rng.integers(-128, 128, shapes[1]).astype(np.int8)
            inputs[1] = constant(values, per_tensor(scale(rng), zero_point(rng)))
        result = tensor(rng, tuple(int(extent) for extent in np.broadcast_shapes(*shapes)))
        return one_op(op, inputs, result, ArithmeticOptions(clamp(rng)))

    return draw


def mean(rng: Rng) -> QuantGraph:
    shape = shape_of(rng, 1, 5, 9)
    rank = len(shape)
    axes = [int(axis) for axis in rng.integers(-rank, rank, int(rng.integers(1, rank + 1)))]
    keeps, gone = bool(rng.integers(2)), {axis % rank for axis in axes}
    out = tuple(1 if d in gone else e for d, e in enumerate(shape) if keeps or d not in gone)
    inputs = [tensor(rng, shape), constant(np.array(axes, np.int32))]
    return one_op("MEAN", inputs, tensor(rng, out), ReducerOptions(keeps))


def pad(op: str) -> Draw:
    def draw(rng: Rng) -> QuantGraph:
        source = tensor(rng, shape_of(rng, 1, 5, 5))
        paddings = rng.integers(0, 4, (len(source.shape), 2)).astype(np.int32)
        paddings[rng.random(len(paddings)) < 0.4] = 0
        shape = tuple(int(e + sum(pair)) for e, pair in zip(source.shape, paddings, strict=True))
        result = activation(shape, source.scale, source.zero_point)
        inputs = [source, constant(paddings)]
        if op == "PADV2":
            fill = rng.integers(-128, 128, 1).astype(np.int8)
            inputs.append(constant(fill, per_tensor(source.scale, source.zero_point)))
        return one_op(op, inputs, result)

    return draw


def reshape(rng: Rng) -> QuantGraph:
    source = tensor(rng, shape_of(rng, 1, 6, 6))
    shape = tuple(int(e) for e in rng.permutation(source.shape)) if rng.integers(2) else (1, source.elements)
    result = activation(shape, source.scale, source.zero_point)
    return one_op("RESHAPE", [source, constant(np.array(shape, np.int32))], result)


def concatenation(rng: Rng) -> QuantGraph:
    shape = shape_of(rng, 1, 5, 5)
    axis = int(rng.integers(-len(shape), len(shape)))
    at, step, zero = axis % len(shape), scale(rng), zero_point(rng)
    lengths = [below(rng, 6) for _ in range(below(rng, 10))]
    shapes = [(*shape[:at], length, *shape[at + 1 :]) for length in (*lengths, sum(lengths))]
    tensors = [activation(s, step, zero) for s in shapes]
    return one_op("CONCATENATION", tensors[:-1], tensors[-1], ConcatenationOptions(axis))


def unary(op: str, out: tuple[float, int] | None = None) -> Draw:
    """Operators that keep the shape; `out` is the output's quantization where it is fixed."""

    def draw(rng: Rng) -> QuantGraph:
        source = tensor(rng, shape_of(rng, 1, 5, 12))
        result = tensor(rng, source.shape) if out is None else activation(source.shape, *out)
        if op == "SOFTMAX":
            return one_op(op, [source], result, SoftmaxOptions(float(np.float32(rng.choice([1, 0.3, 7])))))
        if op == "LEAKY_RELU":
            return one_op(op, [source], result, LeakyReluOptions(float(np.float32(rng.uniform(-1, 2)))))
        return one_op(op, [source], result)

    return draw


def quantize(rng: Rng) -> QuantGraph:
    shape = shape_of(rng, 1, 5)
    kinds = [("float32", "int8"), ("int8", "int8"), ("int8", "uint8"), ("uint8", "int8")]
    kind, out_kind = kinds[rng.integers(4)]

    def make(dtype: str) -> Tensor:
        if dtype == "float32":
            return activation(shape, dtype=dtype)
        return activation(shape, max(scale(rng), 1e-7), zero_point(rng) + 128 * (dtype == "uint8"), dtype)

    return one_op("QUANTIZE", [make(kind)], make(out_kind))


def dequantize(rng: Rng) -> QuantGraph:
    source = tensor(rng, shape_of(rng, 1, 5))
    return one_op("DEQUANTIZE", [source], activation(source.shape, dtype="float32"))


def transpose(rng: Rng) -> QuantGraph:
    source = tensor(rng, shape_of(rng, 1, 5, 6))
    perm = rng.permutation(len(source.shape)).astype(np.int32)
    shape = tuple(source.shape[axis] for axis in perm)
    return one_op("TRANSPOSE", [source, constant(perm)], activation(shape, source.scale, source.zero_point))


def strided_slice(rng: Rng) -> QuantGraph:
    source = tensor(rng, shape_of(rng, 1, 4, 9))
    rank = len(source.shape)
    begin, end = (rng.integers(-11, 12, rank).astype(np.int32) for _ in range(2))
    strides = rng.choice([1, 1, 1, 2, 3, -1, -2], rank).astype(np.int32)
    begin_mask, end_mask = (int(mask) for mask in rng.integers(0, 1 << rank, 2))
    shrink = int(rng.integers(0, 1 << rank)) if rng.random() < 0.3 else 0
    shape = []
    for axis, extent in enumerate(source.shape):
        first = None if begin_mask >> axis & 1 else int(begin[axis])
        last = None if end_mask >> axis & 1 else int(end[axis])
        if not shrink >> axis & 1:
            shape.append(len(range(*slice(first, last, int(strides[axis])).indices(extent))))
    result = activation(shape, source.scale, source.zero_point)
    options = StridedSliceOptions(begin_mask, end_mask, 0, 0, shrink)
    inputs = [source, *(constant(bounds) for bounds in (begin, end, strides))]
    return one_op("STRIDED_SLICE", inputs, result, options) if 0 not in shape else strided_slice(rng)


def resize(rng: Rng) -> QuantGraph:
    source = tensor(rng, (1, below(rng, 12), below(rng, 12), below(rng, 5)))
    size = below(rng, 40), below(rng, 40)
    result = activation((1, *size, source.shape[3]), source.scale, source.zero_point)
    options = ResizeNearestOptions(bool(rng.integers(2)), bool(rng.integers(2)))
    return one_op("RESIZE_NEAREST_NEIGHBOR", [source, constant(np.array(size, np.int32))], result, options)


DRAWS: dict[str, Draw] = {
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": fully_connected,
    "AVERAGE_POOL_2D": pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": pool("MAX_POOL_2D"),
    "ADD": arithmetic("ADD"),
    "SUB": arithmetic("SUB"),
    "MUL": arithmetic("MUL"),
    "MEAN": mean,
    "PAD": pad("PAD"),
    "PADV2": pad("PADV2"),
    "RESHAPE": reshape,
    "CONCATENATION": concatenation,
    "SOFTMAX": unary("SOFTMAX", (1 / 256, -128)),
    "LOGISTIC": unary("LOGISTIC", (1 / 256, -128)),
    "TANH": unary("TANH", (1 / 128, 0)),
    "RELU": unary("RELU"),
    "RELU6": unary("RELU6"),
    "LEAKY_RELU": unary("LEAKY_RELU"),
    "QUANTIZE": quantize,
    "DEQUANTIZE": dequantize,
    "TRANSPOSE": transpose,
    "STRIDED_SLICE": strided_slice,
    "RESIZE_NEAREST_NEIGHBOR": resize,
}
