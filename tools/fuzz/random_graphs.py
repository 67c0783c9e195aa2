"""Random int8 networks of 1 to 12 operators, grown from one input: each step takes tensors there are.

Shapes, strides, dilations, paddings, scales and zero points are odd on purpose. A step that finds no
fitting tensor gives None and another is drawn; what the operators' rules refuse is drawn again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgeprune.ops.builder import activation, constant, per_tensor
from edgeprune.ops.conv2d.cases import without_columns
from edgeprune.tflite import options as o
from edgeprune.tflite.graph import Node, QuantGraph, Tensor
from edgeprune.tflite.options import NoOptions, Options
from tools.fuzz.networks import below, clamp, filters, outputs, scale, window, zero_point

Rng = np.random.Generator
MAX_ELEMENTS = 6000


NONE = NoOptions()


@dataclass(frozen=True)
class Step:
    """An operator on tensors; the network's own are told apart by identity, others are constants."""

    op: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    options: Options = NONE


Draw = Callable[[Rng, Sequence[Tensor]], Step | None]


def like(source: Tensor, shape: Sequence[int]) -> Tensor:
    """A tensor of another shape with the quantization of `source`."""
    return activation(tuple(int(extent) for extent in shape), source.scale, source.zero_point)


def fresh(rng: Rng, source: Tensor, shape: Sequence[int]) -> Tensor:
    """A tensor with a quantization of its own, mostly near that of `source`."""
    near = rng.random() < 0.8
    step = float(np.float32(source.scale * np.exp(rng.uniform(-1.5, 1.5)))) if near else scale(rng)
    return activation(tuple(int(extent) for extent in shape), step, zero_point(rng))


def pick(rng: Rng, tensors: Sequence[Tensor], rank: int | None = None) -> Tensor | None:
    """One of the last tensors, more often than one of the first."""
    fitting = [t for t in tensors if rank is None or len(t.shape) == rank]
    if not fitting:
        return None
    return fitting[-1] if rng.random() < 0.6 else fitting[int(rng.integers(len(fitting)))]


def _int32(values: Sequence[int]) -> Tensor:
    return constant(np.array(values, np.int32))


def _window_on(
    rng: Rng, source: Tensor
) -> tuple[o.Padding, list[int], list[int], list[int], list[int]] | None:
    """A window that gives an output on `source`, about as `window` draws them."""
    for _ in range(20):
        padding, _, size, stride, dilation = window(rng)
        size = [min(s, e + 1) for s, e in zip(size, source.shape[1:3], strict=True)]
        if rng.random() < 0.5:
            stride = [1, 1]
        if rng.random() < 0.6:
            dilation = [1, 1]
        if rng.random() < 0.3:
            size = [[1, 1], [3, 3], [5, 5]][int(rng.integers(3))]
        out = outputs(padding, list(source.shape[1:3]), size, stride, dilation)
        if min(out) > 0:
            return padding, size, stride, dilation, out
    return None


def conv2d(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors, 4)
    drawn = _window_on(rng, source) if source else None
    if source is None or drawn is None:
        return None
    padding, size, stride, dilation, out = drawn
    channels = below(rng, 24)
    weights, bias, step = filters(rng, source, (channels, *size, source.shape[3]), 0)
    if rng.random() < 0.4:
        weights = without_columns(rng, weights, float(rng.choice([0.1, 0.5, 0.75, 1.0])))
    result = activation((1, *out, channels), step, zero_point(rng))
    inputs = (source, weights, bias) if bias else (source, weights)
    return Step(
        "CONV_2D",
        inputs,
        (result,),
        o.ConvOptions(padding, stride[0], stride[1], dilation[0], dilation[1], clamp(rng)),
    )


def depthwise(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors, 4)
    drawn = _window_on(rng, source) if source else None
    if source is None or drawn is None:
        return None
    padding, size, stride, dilation, out = drawn
    multiplier = 1 if rng.random() < 0.8 else below(rng, 3)
    channels = source.shape[3] * multiplier
    weights, bias, step = filters(rng, source, (1, *size, channels), 3)
    result = activation((1, *out, channels), step, zero_point(rng))
    made = o.DepthwiseConvOptions(
        padding, stride[0], stride[1], dilation[0], dilation[1], multiplier, clamp(rng)
    )
    return Step("DEPTHWISE_CONV_2D", (source, weights, bias) if bias else (source, weights), (result,), made)


def transpose_conv(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors, 4)
    if source is None:
        return None
    size, stride = [below(rng, 4), below(rng, 4)], [below(rng, 3), below(rng, 3)]
    padding: o.Padding = "SAME" if rng.random() < 0.5 else "VALID"
    grown = [e * s for e, s in zip(source.shape[1:3], stride, strict=True)]
    if padding == "VALID":
        grown = [g + max(k - s, 0) for g, k, s in zip(grown, size, stride, strict=True)]
    channels = below(rng, 8)
    weights, _, step = filters(rng, source, (channels, *size, source.shape[3]), 0)
    shape = (1, *grown, channels)
    result = activation(shape, step, zero_point(rng))
    return Step(
        "TRANSPOSE_CONV",
        (_int32(shape), weights, source),
        (result,),
        o.TransposeConvOptions(padding, stride[0], stride[1]),
    )


def fully_connected(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None:
        return None
    depth, channels = source.shape[-1], below(rng, 40)
    weights, bias, step = filters(rng, source, (channels, depth), 0)
    keeps = len(source.shape) > 2
    shape = (*source.shape[:-1], channels)
    result = activation(shape, step, zero_point(rng))
    inputs = (source, weights, bias) if bias else (source, weights)
    return Step("FULLY_CONNECTED", inputs, (result,), o.FullyConnectedOptions(clamp(rng), keeps))


def pool(op: str) -> Draw:
    def draw(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
        source = pick(rng, tensors, 4)
        drawn = _window_on(rng, source) if source else None
        if source is None or drawn is None:
            return None
        padding, size, stride, _, _ = drawn
        out = outputs(padding, list(source.shape[1:3]), size, stride, [1, 1])
        result = like(source, (1, *out, source.shape[3]))
        made = o.PoolOptions(padding, stride[0], stride[1], size[0], size[1], clamp(rng))
        return Step(op, (source,), (result,), made) if min(out) > 0 else None

    return draw


def arithmetic(op: str, made: bool = True) -> Draw:
    def draw(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
        a = pick(rng, tensors)
        if a is None:
            return None
        equal = [t for t in tensors if t.shape == a.shape]
        b = equal[int(rng.integers(len(equal)))]
        if rng.random() < 0.4:
            shape = tuple(1 if rng.random() < 0.5 else e for e in a.shape)[int(rng.integers(len(a.shape))) :]
            b = constant(rng.integers(-128, 128, shape).astype(np.int8), per_tensor(a.scale, zero_point(rng)))
        if op in ("MAXIMUM", "MINIMUM"):
            b = b if b.is_constant else a
            b = replace(b, quantization=a.quantization) if b.is_constant else b
            return Step(op, (a, b), (like(a, a.shape),))
        result = fresh(rng, a, a.shape)
        return Step(op, (a, b), (result,), o.ArithmeticOptions(clamp(rng)) if made else NONE)

    return draw


def unary(op: str, out: tuple[float, int] | None = None, keeps: bool = False) -> Draw:
    def draw(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
        source = pick(rng, tensors)
        if source is None:
            return None
        result = like(source, source.shape) if keeps else fresh(rng, source, source.shape)
        result = activation(source.shape, *out) if out else result
        if op == "SOFTMAX":
            return Step(op, (source,), (result,), o.SoftmaxOptions(1.0))
        if op == "LEAKY_RELU":
            alpha = float(np.float32(rng.uniform(-0.5, 1)))
            return Step(op, (source,), (result,), o.LeakyReluOptions(alpha))
        return Step(op, (source,), (result,))

    return draw


def reduction(op: str) -> Draw:
    def draw(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
        source = pick(rng, tensors, 4)
        if source is None:
            return None
        axes = [[1, 2], [1], [2], [3], [1, 2, 3]][int(rng.integers(5))]
        keeps = bool(rng.integers(2))
        shape = [1 if d in axes else e for d, e in enumerate(source.shape) if keeps or d not in axes]
        result = fresh(rng, source, shape) if op == "MEAN" else like(source, shape)
        return Step(op, (source, _int32(axes)), (result,), o.ReducerOptions(keeps))

    return draw


def pad(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None:
        return None
    pairs = rng.integers(0, 3, (len(source.shape), 2)).astype(np.int32)
    pairs[0] = 0
    shape = [e + sum(pair) for e, pair in zip(source.shape, pairs.tolist(), strict=True)]
    return Step("PAD", (source, constant(pairs)), (like(source, shape),))


def reshape(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None:
        return None
    flat, rest = source.elements, list(source.shape[1:])
    shape = (1, flat) if rng.random() < 0.4 else (1, *(int(e) for e in rng.permutation(rest)))
    return Step("RESHAPE", (source, _int32(shape)), (like(source, shape),))


def transpose(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None or len(source.shape) > 5:
        return None
    order = [0, *(int(axis) + 1 for axis in rng.permutation(len(source.shape) - 1))]
    return Step("TRANSPOSE", (source, _int32(order)), (like(source, [source.shape[i] for i in order]),))


def concatenation(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    first = pick(rng, tensors)
    if first is None or len(first.shape) < 2:
        return None
    axis = int(rng.integers(1, len(first.shape)))
    fitting = [
        t for t in tensors
        if len(t.shape) == len(first.shape)
        and t.quantization == first.quantization
        and all(d == axis or e == f for d, (e, f) in enumerate(zip(t.shape, first.shape, strict=True)))
    ]  # fmt: skip
    parts = [first, *(fitting[int(rng.integers(len(fitting)))] for _ in range(int(rng.integers(1, 3))))]
    shape = [sum(t.shape[d] for t in parts) if d == axis else e for d, e in enumerate(first.shape)]
    return Step("CONCATENATION", tuple(parts), (like(first, shape),), o.ConcatenationOptions(axis))


def strided_slice(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None or len(source.shape) > 4:
        return None
    begin, end, steps, shape = [], [], [], []
    for extent in source.shape:
        first = int(rng.integers(0, extent))
        last = int(rng.integers(first + 1, extent + 1))
        step = 1 if rng.random() < 0.6 else below(rng, 3)
        begin.append(first)
        end.append(last)
        steps.append(step)
        shape.append(len(range(first, last, step)))
    inputs = (source, _int32(begin), _int32(end), _int32(steps))
    return Step("STRIDED_SLICE", inputs, (like(source, shape),), o.StridedSliceOptions())


def split(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors)
    if source is None:
        return None
    axes = [d for d, e in enumerate(source.shape) if e % 2 == 0]
    if not axes:
        return None
    axis = axes[-1]
    shape = [e // 2 if d == axis else e for d, e in enumerate(source.shape)]
    halves = (like(source, shape), like(source, shape))
    if rng.random() < 0.5:
        sizes = _int32([shape[axis], shape[axis]])
        return Step("SPLIT_V", (source, sizes, constant(np.array(axis, np.int32))), halves)
    return Step("SPLIT", (constant(np.array(axis, np.int32)), source), halves)


def resize(op: str) -> Draw:
    def draw(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
        source = pick(rng, tensors, 4)
        if source is None:
            return None
        size = [below(rng, 12), below(rng, 12)]
        result = like(source, (1, *size, source.shape[3]))
        kind = o.ResizeNearestOptions if op == "RESIZE_NEAREST_NEIGHBOR" else o.ResizeBilinearOptions
        return Step(
            op,
            (source, _int32(size)),
            (result,),
            kind(*[(False, False), (True, False), (False, True)][int(rng.integers(3))]),
        )

    return draw


def prelu(rng: Rng, tensors: Sequence[Tensor]) -> Step | None:
    source = pick(rng, tensors, 4)
    if source is None:
        return None
    alpha = rng.integers(-128, 128, (1, 1, source.shape[3])).astype(np.int8)
    slopes = constant(alpha, per_tensor(0.01, int(rng.integers(-20, 20))))
    return Step("PRELU", (source, slopes), (fresh(rng, source, source.shape),))


DRAWS: dict[str, tuple[float, Draw]] = {
    "CONV_2D": (4, conv2d),
    "DEPTHWISE_CONV_2D": (3, depthwise),
    "FULLY_CONNECTED": (2, fully_connected),
    "TRANSPOSE_CONV": (0.7, transpose_conv),
    "AVERAGE_POOL_2D": (1.5, pool("AVERAGE_POOL_2D")),
    "MAX_POOL_2D": (1.5, pool("MAX_POOL_2D")),
    "ADD": (2, arithmetic("ADD")),
    "SUB": (1, arithmetic("SUB")),
    "MUL": (1, arithmetic("MUL")),
    "SQUARED_DIFFERENCE": (0.5, arithmetic("SQUARED_DIFFERENCE", made=False)),
    "MAXIMUM": (0.5, arithmetic("MAXIMUM")),
    "MINIMUM": (0.5, arithmetic("MINIMUM")),
    "SOFTMAX": (0.7, unary("SOFTMAX", (1 / 256, -128))),
    "LOGISTIC": (0.7, unary("LOGISTIC", (1 / 256, -128))),
    "TANH": (0.7, unary("TANH", (1 / 128, 0))),
    "RELU": (0.7, unary("RELU")),
    "RELU6": (0.7, unary("RELU6")),
    "LEAKY_RELU": (0.7, unary("LEAKY_RELU")),
    "HARD_SWISH": (0.7, unary("HARD_SWISH")),
    "ELU": (0.4, unary("ELU")),
    "PRELU": (0.5, prelu),
    "QUANTIZE": (0.7, unary("QUANTIZE")),
    "MEAN": (1, reduction("MEAN")),
    "REDUCE_MAX": (0.4, reduction("REDUCE_MAX")),
    "PAD": (1, pad),
    "RESHAPE": (0.7, reshape),
    "TRANSPOSE": (0.7, transpose),
    "CONCATENATION": (1, concatenation),
    "STRIDED_SLICE": (0.7, strided_slice),
    "SPLIT": (0.7, split),
    "RESIZE_NEAREST_NEIGHBOR": (0.4, resize("RESIZE_NEAREST_NEIGHBOR")),
    "RESIZE_BILINEAR": (0.4, resize("RESIZE_BILINEAR")),
}


def random_graph(rng: Rng, most: int = 12) -> QuantGraph:
    """A network of 1 to `most` operators; its outputs are the tensors that nobody reads."""
    names, weights = list(DRAWS), np.array([weight for weight, _ in DRAWS.values()])
    extents = (below(rng, 13), below(rng, 13), below(rng, 16))
    source = activation((1, *extents), scale(rng), zero_point(rng))
    tensors, steps, tries = [source], list[Step](), 0
    wanted = int(rng.integers(1, most + 1))
    while len(steps) < wanted and tries < 200:
        tries += 1
        step = DRAWS[str(rng.choice(names, p=weights / weights.sum()))][1](rng, tensors)
        if step is None or any(prod(t.shape) > MAX_ELEMENTS for t in step.outputs):
            continue
        steps.append(step)
        tensors += step.outputs
    return assembled(source, steps)


def assembled(source: Tensor, steps: Sequence[Step]) -> QuantGraph:
    """The network of `steps`, whose tensors are told apart by identity."""
    tensors: list[Tensor] = []
    index_of: dict[int, int] = {}
    keep: list[Tensor] = []

    def index(tensor: Tensor) -> int:
        if id(tensor) not in index_of:
            index_of[id(tensor)] = len(tensors)
            tensors.append(replace(tensor, name=f"t{len(tensors)}"))
            keep.append(tensor)
        return index_of[id(tensor)]

    first = index(source)
    nodes = [
        Node(step.op, 1, tuple(map(index, step.inputs)), tuple(map(index, step.outputs)), step.options)
        for step in steps
    ]
    read = {i for node in nodes for i in node.inputs}
    unread = tuple(i for node in nodes for i in node.outputs if i not in read)
    return QuantGraph(tuple(tensors), tuple(nodes), (first,), unread)
