"""Kernels for the DSP extension on a virtual Cortex-M4: the references' bytes, the formulas' counts.

Random networks of one operator reach what the operators' cases, which test_cores.py runs, are too small
for: several blocks of channels, odd numbers of pixels, rounds of the unrolled loops, dead channels.
"""

from importlib import import_module

import numpy as np
import pytest
from ops.test_cores import Touching
from support.tools import require_module

from edgeprune.ops import bind, evaluate, merge
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.choose import choose
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.cores import Goal
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import (
    Activation,
    ArithmeticOptions,
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
)

M4 = Goal("cortex-m4")
IN_SCALE = 0.025
GRAPHS = 36
Rng = np.random.Generator


def result_of(rng: Rng, shape: tuple[int, ...], weights: int) -> tuple[Tensor, Activation]:
    """An output whose values spread over its range; one half of them have the zero point as lowest."""
    scale = float(np.sqrt(weights) * rng.uniform(0.02, 0.1))
    is_relu = bool(rng.random() < 0.5)
    zero_point = int(rng.choice([-128, -128, -90]) if is_relu else rng.integers(-128, 128))
    kinds: tuple[Activation, ...] = ("RELU", "RELU6") if is_relu else ("NONE", "RELU_N1_TO_1", "NONE")
    return activation(shape, scale, zero_point), kinds[int(rng.integers(len(kinds)))]


def filters_of(rng: Rng, shape: tuple[int, ...], axis: int) -> tuple[Tensor, Tensor]:
    """A filter and a bias; some channels are so small that their outputs are constant, or nearly so."""
    channels = shape[axis]
    scales = spread(rng, channels, 0.004, 0.03)
    for dead in rng.choice(channels, channels // int(rng.integers(1, 9)), replace=False):
        scales[dead] = float(10.0 ** -rng.uniform(4, 9))
    filters = random_filter(rng, shape, scales, axis)
    return filters, random_bias(rng, channels, IN_SCALE, scales)


def random_convolution(rng: Rng, most: int = 9) -> QuantGraph | None:
    in_h, in_w, window_h, window_w = rng.integers(1, [9, 9, 5, 5]).tolist()
    stride_h, stride_w, dilation_h, dilation_w = rng.choice([1, 1, 2], 4).tolist()
    if rng.random() < 0.3:
        window_h = window_w = stride_h = stride_w = 1
    padding = "SAME" if rng.random() < 0.6 else "VALID"
    out_h = window_output(padding, in_h, window_h, stride_h, dilation_h)
    out_w = window_output(padding, in_w, window_w, stride_w, dilation_w)
    if out_h < 1 or out_w < 1:
        return None
    in_channels, channels = rng.integers(1, [2 * most, 3 * most]).tolist()
    filters, bias = filters_of(rng, (channels, window_h, window_w, in_channels), 0)
    result, fused = result_of(rng, (1, out_h, out_w, channels), window_h * window_w * in_channels)
    source = activation((1, in_h, in_w, in_channels), IN_SCALE, int(rng.integers(-128, 128)))
    options = ConvOptions(padding, stride_h, stride_w, dilation_h, dilation_w, fused)
    return one_op("CONV_2D", [source, filters, bias], result, options)


def random_depthwise(rng: Rng) -> QuantGraph | None:
    in_h, in_w, channels = rng.integers([1, 2, 4], [14, 14, 20]).tolist()
    stride = int(rng.integers(1, 3))
    padding = "SAME" if rng.random() < 0.7 else "VALID"
    out_h, out_w = (window_output(padding, extent, 3, stride) for extent in (in_h, in_w))
    if out_h < 1 or out_w < 2:
        return None
    filters, bias = filters_of(rng, (1, 3, 3, channels), 3)
    result, fused = result_of(rng, (1, out_h, out_w, channels), 9)
    source = activation((1, in_h, in_w, channels), IN_SCALE, int(rng.integers(-128, 128)))
    options = DepthwiseConvOptions(padding, stride, stride, activation=fused)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, bias], result, options)


def random_dense(rng: Rng) -> QuantGraph:
    rows, depth, channels = rng.integers(1, [6, 150, 40]).tolist()
    filters, bias = filters_of(rng, (channels, depth), 0)
    result, fused = result_of(rng, (rows, channels), depth)
    source = activation((rows, depth), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("FULLY_CONNECTED", [source, filters, bias], result, FullyConnectedOptions(fused))


def random_addition(rng: Rng) -> QuantGraph:
    shape = (1, *rng.integers(1, [4, 5, 40]).tolist())
    a, b = (
        activation(shape, float(np.exp(rng.uniform(-6, 0))), int(rng.integers(-128, 128))) for _ in range(2)
    )
    result, fused = result_of(rng, shape, 1)
    return one_op("ADD", [a, b], result, ArithmeticOptions(fused))


RANDOM = {
    "CONV_2D": random_convolution,
    "DEPTHWISE_CONV_2D": random_depthwise,
    "FULLY_CONNECTED": random_dense,
    "ADD": random_addition,
}


def drawn(op: str, rng: Rng) -> list[QuantGraph]:
    """GRAPHS networks that a kernel for the extension runs."""
    found: list[QuantGraph] = []
    while len(found) < GRAPHS:
        graph = RANDOM[op](rng)
        if graph is not None and kernel_of(graph).endswith("_dsp"):
            found.append(graph)
    return found


def kernel_of(graph: QuantGraph) -> str:
    return choose(bind(graph)[0], M4).kernel


@pytest.mark.parametrize("op", RANDOM)
def test_random_shapes(op: str) -> None:
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(5)
    graph = merge(drawn(op, rng))
    model = CoreModel(graph, M4, planner=Touching())
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(3)]
    runs += [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    for inputs in runs:
        wanted = evaluate(graph, inputs)
        for index, a, b in zip(graph.outputs, wanted, model.run(inputs), strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)


def convolution(
    image: tuple[int, int, int], filters: tuple[int, int, int], stride: int, zero_point: int = -128
) -> QuantGraph:
    """SAME padding; `filters` is (channels, height, width)."""
    rng = np.random.default_rng(sum(image) + sum(filters))
    channels, *window = filters
    weights = random_filter(rng, (channels, *window, image[2]), spread(rng, channels, 0.005, 0.02), 0)
    extents = [window_output("SAME", e, w, stride) for e, w in zip(image[:2], window, strict=True)]
    scale = 0.3 * float(np.sqrt(weights.elements / channels))
    return one_op(
        "CONV_2D",
        [activation((1, *image), IN_SCALE, -5), weights],
        activation((1, *extents, channels), scale, zero_point),
        ConvOptions("SAME", stride, stride),
    )


def depthwise(image: tuple[int, int, int], stride: int, zero_point: int = -128) -> QuantGraph:
    rng = np.random.default_rng(sum(image))
    weights = random_filter(rng, (1, 3, 3, image[2]), spread(rng, image[2], 0.01, 0.02), 3)
    extents = [window_output("SAME", e, 3, stride) for e in image[:2]]
    result = activation((1, *extents, image[2]), 0.15, zero_point)
    source = activation((1, *image), IN_SCALE, -5)
    options = DepthwiseConvOptions("SAME", stride, stride)
    return one_op("DEPTHWISE_CONV_2D", [source, weights], result, options)


def dense(rows: int, depth: int, channels: int, zero_point: int = -128) -> QuantGraph:
    weights = random_filter(np.random.default_rng(depth), (channels, depth), 0.01, 0)
    result = activation((rows, channels), 0.3 * float(np.sqrt(depth)), zero_point)
    source = activation((rows, depth), IN_SCALE, -5)
    return one_op("FULLY_CONNECTED", [source, weights], result, FullyConnectedOptions())


def addition(*shape: int) -> QuantGraph:
    a, b, result = (activation(shape, scale, 3) for scale in (0.1, 0.07, 0.15))
    return one_op("ADD", [a, b], result, ArithmeticOptions())


COUNTED = {
    "3 x 3, three channels": convolution((16, 16, 3), (16, 3, 3), 1),
    "3 x 3, three channels, stride 2": convolution((24, 24, 3), (8, 3, 3), 2),
    "3 x 3": convolution((8, 8, 16), (16, 3, 3), 1),
    "3 x 3, away from zero": convolution((8, 8, 32), (16, 3, 3), 1, 4),
    "3 x 3, stride 2": convolution((16, 16, 16), (32, 3, 3), 2),
    "10 x 4": convolution((25, 10, 1), (64, 10, 4), 2),
    "1 x 1, few channels": convolution((12, 12, 8), (16, 1, 1), 1),
    "1 x 1, odd": convolution((5, 5, 64), (64, 1, 1), 1),
    "1 x 1, stride 2": convolution((16, 16, 16), (32, 1, 1), 2),
    "depthwise": depthwise((24, 24, 8), 1),
    "depthwise, odd": depthwise((25, 5, 32), 1),
    "depthwise, away from zero": depthwise((6, 6, 32), 1, 4),
    "depthwise, stride 2": depthwise((24, 24, 16), 2),
    "depthwise, small": depthwise((3, 3, 64), 1),
    "dense": dense(1, 640, 32),
    "dense, away from zero": dense(1, 128, 64, 4),
    "dense, rest of channels and inputs": dense(9, 66, 10),
    "addition": addition(1, 16, 16, 16),
}


def test_formulas_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler chooses kernels by them: within 3 % of what layers of real networks count."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    # Else the kernel of the largest layer would be one of test_dsp_small.py's.
    monkeypatch.setattr(import_module("edgeprune.memory.slim"), "ALLOWANCE", {"balanced": 0.0})
    graph = merge(list(COUNTED.values()))
    model = CoreModel(graph, M4)
    model.run([np.zeros(graph.tensors[i].shape, np.int8) for i in graph.inputs], count=True)
    wrong = {}
    for (name, single), count in zip(COUNTED.items(), model.counts, strict=True):
        bound = bind(single)[0]
        (variant,) = (v for v in bound.op.variants if v.name == "dsp")
        error = variant.instructions(bound.params) / count.instructions - 1
        if abs(error) > 0.03 or not kernel_of(single).endswith("_dsp"):
            wrong[name] = (f"{error:+.1%}", count.instructions)
    assert not wrong


def test_halves_of_an_addend() -> None:
    """Inputs that cancel but for the last bits of b's rescaling, which so become visible."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    x = np.arange(-127, 128, dtype=np.int8).reshape(1, 255)
    graphs = []
    for step in range(1, 8):
        scales = (0.5, 0.5 * (1 - step * 2.0**-20), 2.0**-18.8)
        a, b, result = (activation(x.shape, scale) for scale in scales)
        graphs.append(one_op("ADD", [a, b], result, ArithmeticOptions()))
    assert {kernel_of(graph) for graph in graphs} == {"ep_add_s8_dsp"}
    graph = merge(graphs)
    for inputs in ([x, -x] * len(graphs), [-x, x] * len(graphs)):
        got = CoreModel(graph, M4).run(inputs)
        assert all(np.array_equal(p, q) for p, q in zip(evaluate(graph, inputs), got, strict=True))
        assert len(np.unique(got[0])) > 50
