"""Kernels for the DSP extension that save memory: right at their lags, counted as they say.

They do in pieces what those of test_dsp.py do at once, whose random networks are used here too.
"""

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from ops.test_cores import Touching
from ops.test_dsp import IN_SCALE, M4, Rng, dense, depthwise, filters_of, random_dense, result_of
from support.tools import require_module

from edgeprune.memory import plan_memory
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import BoundNode, bind, choose, evaluate, merge
from edgeprune.ops.base import Variant
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.conv_cases import random_bias, random_filter
from edgeprune.ops.cores import Goal
from edgeprune.ops.depthwise_conv2d.dsp import chunks
from edgeprune.ops.depthwise_conv2d.op import Params
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import DepthwiseConvOptions, FullyConnectedOptions

GRAPHS = 40
SLIM = import_module("edgeprune.memory.slim")  # edgeprune.memory has the function of that name


def random_depthwise(rng: Rng) -> QuantGraph | None:
    """Also wide images, which have smaller chunks, and padding only where it makes extents equal."""
    in_h, in_w, channels = rng.integers([1, 2, 8], [20, 14, 30]).tolist()
    stride = int(rng.integers(1, 3))
    if rng.random() < 0.3:
        in_w += 32
    padding = "SAME" if rng.random() < 0.6 else "VALID"
    out_h, out_w = (window_output(padding, extent, 3, stride) for extent in (in_h, in_w))
    if out_h < 1 or out_w < 2:
        return None
    filters, bias = filters_of(rng, (1, 3, 3, channels), 3)
    result, fused = result_of(rng, (1, out_h, out_w, channels), 9)
    source = activation((1, in_h, in_w, channels), IN_SCALE, int(rng.integers(-128, 128)))
    options = DepthwiseConvOptions(padding, stride, stride, activation=fused)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, bias], result, options)


def random_dense_of_words(rng: Rng) -> QuantGraph:
    """Rows of whole words; half of the filters have one scale."""
    if rng.random() < 0.5:
        return random_dense(rng)
    rows, channels = rng.integers(1, [5, 40]).tolist()
    depth = 4 * int(rng.integers(1, 40))
    filters = random_filter(rng, (channels, depth), 0.02, 0)
    bias = random_bias(rng, channels, IN_SCALE, 0.02)
    result, fused = result_of(rng, (rows, channels), depth)
    source = activation((rows, depth), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("FULLY_CONNECTED", [source, filters, bias], result, FullyConnectedOptions(fused))


RANDOM: dict[str, Callable[[Rng], QuantGraph | None]] = {
    "dsp small": random_depthwise,
    "dsp direct": random_dense_of_words,
}


def variant_of(graph: QuantGraph, name: str) -> Variant[Params] | None:
    """The variant called `name` of the only node, if it fits."""
    return next((v for v in choose.candidates(bind(graph)[0], M4) if v.name == name), None)


def only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every layer have the variant `name` and no other."""
    all_candidates = choose.candidates

    def candidates(bound: BoundNode, goal: Goal) -> list[Variant[Params]]:
        return [v for v in all_candidates(bound, goal) if v.name == name]

    monkeypatch.setattr(choose, "candidates", candidates)
    monkeypatch.setattr(SLIM, "candidates", candidates)


@pytest.mark.parametrize("name", RANDOM)
def test_random_shapes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(7)
    drawn: list[QuantGraph] = []
    while len(drawn) < GRAPHS:
        single = RANDOM[name](rng)
        if single is not None and variant_of(single, name):
            drawn.append(single)
    only(name, monkeypatch)
    graph = merge(drawn)
    model = CoreModel(graph, M4, planner=Touching())
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(3)]
    runs += [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    for inputs in runs:
        wanted = evaluate(graph, inputs)
        for index, a, b in zip(graph.outputs, wanted, model.run(inputs), strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)


def test_a_chunk_at_least_is_left_for_the_last() -> None:
    """The C divides channels in the same way; it takes four at least, and the buffer is for the largest."""
    for chunk in (4, 8):
        for channels in range(4, 50):
            counts = chunks(channels, chunk)
            assert sum(counts) == channels
            assert set(counts[:-1]) <= {chunk}
            assert 4 <= counts[-1] < chunk + 4


COUNTED = {
    "dsp small": {
        "kws": depthwise((25, 5, 64), 1),
        "rest of channels": depthwise((12, 12, 18), 1),
        "wide": depthwise((16, 48, 8), 1),
        "stride 2": depthwise((24, 24, 16), 2),
        "wide, stride 2": depthwise((48, 48, 16), 2),
        "away from zero": depthwise((6, 6, 64), 1, 4),
        "away from zero, stride 2": depthwise((12, 12, 64), 2, 4),
        "small": depthwise((3, 3, 64), 1),
    },
    "dsp direct": {
        "dense": dense(1, 640, 128),
        "away from zero": dense(1, 128, 640, 4),
        "short": dense(1, 8, 128),
        "few channels": dense(1, 128, 8),
        "rest of channels": dense(3, 64, 10),
    },
}


@pytest.mark.parametrize("name", COUNTED)
def test_formulas_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler weighs kernels by them: within 3 % of what layers count."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    only(name, monkeypatch)
    graph = merge(list(COUNTED[name].values()))
    model = CoreModel(graph, M4)
    model.run([np.zeros(graph.tensors[i].shape, np.int8) for i in graph.inputs], count=True)
    wrong = {}
    for (about, single), count in zip(COUNTED[name].items(), model.counts, strict=True):
        variant = variant_of(single, name)
        assert variant is not None, about
        error = variant.instructions(bind(single)[0].params) / count.instructions - 1
        if abs(error) > 0.03:
            wrong[about] = (f"{error:+.1%}", count.instructions)
    assert not wrong


def test_filters_with_one_scale_have_one_requantization() -> None:
    """What the stream of the kernel with a buffer says of every filter: 12 bytes for each but four."""
    single = dense(1, 16, 64)
    (bound,) = bind(single)
    sizes = {v.name: v.kernel(bound.params, bound.node).constant_bytes for v in choose.candidates(bound, M4)}
    assert sizes["dsp"] - sizes["dsp direct"] == 12 * 60


@pytest.mark.parametrize(
    ("graph", "name"), [(depthwise((25, 5, 64), 1), "dsp small"), (dense(1, 640, 128), "dsp direct")]
)
def test_memory_decides(graph: QuantGraph, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run where memory peaks, if speed may be spent on it, and the arena gets smaller."""
    spend = {"speed": 0.0, "balanced": 0.2, "size": 0.5}
    monkeypatch.setattr(SLIM, "ALLOWANCE", spend)
    small = plan_memory(graph, PLANNERS["exact"], Goal("cortex-m4", "balanced"))
    fast = plan_memory(graph, PLANNERS["exact"], Goal("cortex-m4", "speed"))
    assert set(small.picks.values()) == {name}
    assert not fast.picks
    assert small.arena_bytes < fast.arena_bytes
