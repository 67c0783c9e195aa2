"""CONV_2D by Winograd's way on a virtual Cortex-M4: the reference's bytes, bounds and formula.

However small the layer, no other kernel is chosen here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from ops.test_cores import Touching
from ops.test_dsp import IN_SCALE, filters_of, result_of
from support.tools import require_module, require_tool

from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.gcc_arm import GCC_ARM
from edgeprune.memory.plan import Buffer, MemoryPlan, round_up
from edgeprune.ops import OPS, BoundNode, bind, choose, evaluate, merge
from edgeprune.ops.base import Variant
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.ops.conv2d.op import Params
from edgeprune.ops.conv2d.winograd import (
    CONV_2D_WINOGRAD,
    FILTER_TRANSFORM,
    filters,
    fits_away,
    fits_relu,
    lag,
    transformed,
)
from edgeprune.ops.cores import Goal
from edgeprune.ops.dsp.pack import Filters
from edgeprune.tflite.graph import Array, QuantGraph
from edgeprune.tflite.options import Activation, ConvOptions, Padding

FAST = Goal("cortex-m4", "speed")
GRAPHS = 40
Rng = np.random.Generator


@pytest.fixture
def only_winograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it fits, and nothing else."""

    def found(bound: BoundNode, goal: Goal) -> list[Variant[Params]]:
        return [CONV_2D_WINOGRAD] if CONV_2D_WINOGRAD.fits(bound.params) else []

    monkeypatch.setattr(choose, "candidates", found)
    monkeypatch.setattr(import_module("edgeprune.memory.slim"), "candidates", found)


def params_of(graph: QuantGraph) -> Params:
    params = bind(graph)[0].params
    assert isinstance(params, Params)
    return params


def random_layer(rng: Rng, most: int = 12) -> QuantGraph:
    """A layer that the kernel runs: up to 20 quads of channels, odd sizes, blocks that are not full."""
    padding: Padding = "SAME" if rng.random() < 0.6 else "VALID"
    border = 0 if padding == "SAME" else 2
    in_h, in_w = (rng.integers(1, most, 2) + border).tolist()
    in_channels = 4 * int(rng.integers(1, rng.choice([3, 6, 21])))
    channels = int(rng.integers(1, 15))
    weights, bias = filters_of(rng, (channels, 3, 3, in_channels), 0)
    shape = (1, in_h - border, in_w - border, channels)
    result, fused = result_of(rng, shape, 9 * in_channels)
    source = activation((1, in_h, in_w, in_channels), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("CONV_2D", [source, weights, bias], result, ConvOptions(padding, activation=fused))


def check(graph: QuantGraph, runs: Iterable[list[Array]], toolchain: Toolchain = ZIG) -> None:
    """All layers of `graph` give the reference's bytes while outputs overwrite inputs."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    model = CoreModel(graph, FAST, toolchain, planner=Touching())
    assert {
        f.removesuffix(".c") for f in model.generated.files if f.startswith("ep_conv2d") and ".c" in f
    } == {"ep_conv2d_winograd_s8_dsp"}
    for inputs in runs:
        wanted = evaluate(graph, inputs)
        for index, a, b in zip(graph.outputs, wanted, model.run(inputs), strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)


def shapes_of(graph: QuantGraph) -> list[tuple[int, ...]]:
    return [graph.tensors[i].shape for i in graph.inputs]


@pytest.mark.usefixtures("only_winograd")
@pytest.mark.parametrize("toolchain", [ZIG, GCC_ARM], ids=lambda toolchain: toolchain.name)
def test_random_layers(toolchain: Toolchain) -> None:
    """Both compilers, whose warnings are errors; ReLU and not; inputs at random and at their ends."""
    if toolchain is GCC_ARM:
        require_tool("arm-none-eabi-gcc")
    rng = np.random.default_rng(21)
    graphs = [graph for graph in (random_layer(rng) for _ in range(GRAPHS)) if fits(graph)]
    assert len(graphs) > GRAPHS / 2
    kinds = [fits_relu(filters_of_graph(graph)) for graph in graphs]
    assert 5 <= sum(kinds) <= len(kinds) - 5
    graph = merge(graphs)
    shapes = shapes_of(graph)
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(3)]
    runs += [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    check(graph, runs, toolchain)


@dataclass(frozen=True)
class Spaced:
    """A planner: room behind each buffer, the network's inputs last."""

    name: str = "spaced"

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        offsets: dict[Buffer, int] = {}
        end = 0
        for buffer in sorted(set(buffers), key=lambda buffer: (-buffer.start, buffer.name)):
            offsets[buffer] = end
            end = round_up(end + buffer.size_bytes, align_bytes) + 256
        return MemoryPlan(offsets, align_bytes, self.name)


@pytest.mark.usefixtures("only_winograd")
def test_nothing_is_written_beside_buffers() -> None:
    """Outputs and scratch; blocks that are not full and patches larger than sums among them."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import FILL, CoreModel

    rng = np.random.default_rng(24)
    graph = merge([graph for graph in (random_layer(rng) for _ in range(20)) if fits(graph)])
    model = CoreModel(graph, FAST, planner=Spaced())
    model.run([rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes_of(graph)])
    arena = np.frombuffer(model.fetch(model.elf.address("ep_arena"), model.plan.arena_bytes), np.uint8).copy()
    for buffer, offset in model.plan.offsets.items():
        arena[offset : offset + buffer.size_bytes] = FILL
    assert (arena == FILL).all(), np.argwhere(arena != FILL)[:5]


def fits(graph: QuantGraph) -> bool:
    return CONV_2D_WINOGRAD.fits(params_of(graph))


def layer(
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32],
    factor: float,
    *,
    image: tuple[int, int] = (6, 6),
    in_zero_point: int = 0,
    zero_point: int = 0,
    fused: Activation = "NONE",
) -> QuantGraph:
    """`weights` (filters, 3, 3, channels) over an image; `factor` goes from sums to outputs."""
    source = activation((1, *image, weights.shape[3]), 1.0, in_zero_point)
    result = activation((1, *image, len(weights)), 1.0 / factor, zero_point)
    parts = [source, constant(weights, per_tensor(1.0)), constant(bias, per_tensor(1.0))]
    return one_op("CONV_2D", parts, result, ConvOptions("SAME", activation=fused))


@pytest.mark.usefixtures("only_winograd")
def test_largest_weights_and_inputs() -> None:
    """Signs that make every frequency as large as it can be, in the inputs too, and their opposites."""
    signs = [np.where(row < 0, -1, 1) for row in FILTER_TRANSFORM]
    patterns = [np.outer(a, b) for a, b in product(signs, signs)]
    weights = np.stack([sign * 127 * pattern for pattern in patterns for sign in (1, -1)])
    points = np.repeat(weights[..., np.newaxis], 8, axis=3).astype(np.int8)
    assert np.abs(transformed(points)).max() == 9 * 127
    graphs = [
        layer(points, np.zeros(len(points), np.int32), 127 / (72 * 127 * 128), image=(7, 5)),
        layer(
            points, np.zeros(len(points), np.int32), 1e-3, in_zero_point=127, zero_point=-128, fused="RELU"
        ),
    ]
    graph = merge(graphs)
    rows, columns = np.arange(7)[:, np.newaxis, np.newaxis], np.arange(6)[:, np.newaxis]
    runs = []
    for down, across, flip in product((0, 1), (0, 1), (0, 1)):
        odd = (rows * down + columns * across + rows // 2 * flip + np.zeros(8, np.int64)) % 2
        image = np.where(odd == 1, -128, 127).astype(np.int8)
        runs.append([image[np.newaxis, :h, :w] for _, h, w, _ in shapes_of(graph)])
    check(graph, runs)


@dataclass(frozen=True)
class Bound:
    """Sums below 2^bits are right; so many channels that outputs of sums that large are not all equal."""

    bits: int
    channels: int
    factor: float
    zero_point: int
    fused: Activation

    def graph(self, over: int, sign: int) -> QuantGraph:
        """Sums of at most 2^bits - 1 + `over`, which inputs of 127 reach; `sign` is that of the sums."""
        weights = np.full((3, 3, 3, self.channels), 127 * sign, np.int8)
        largest = (1 << self.bits) - 1 + over - weights[0].size * 127 * 127
        bias = np.array([5, sign * largest, -77], np.int32)
        return layer(weights, bias, self.factor, image=(3, 3), zero_point=self.zero_point, fused=self.fused)


AWAY = Bound(29, 64, 0.6 / (1 << 22), 0, "NONE")
RELU = Bound(20, 4, 0.2, -128, "RELU")  # a shift of 2: sums are multiplied by 2^11


def filters_of_graph(graph: QuantGraph) -> Filters:
    return filters(params_of(graph))


def test_sums_that_may_leave_32_bits_are_refused() -> None:
    for sign in (1, -1):
        assert fits_away(filters_of_graph(AWAY.graph(0, sign)))
        assert not fits(AWAY.graph(1, sign))
        assert fits_relu(filters_of_graph(RELU.graph(0, sign)))
        assert not fits_relu(filters_of_graph(RELU.graph(1, sign)))


@pytest.mark.usefixtures("only_winograd")
@pytest.mark.parametrize("bound", [AWAY, RELU], ids=["away", "relu"])
def test_largest_sums(bound: Bound) -> None:
    graph = merge([bound.graph(0, 1), bound.graph(0, -1)])
    check(
        graph,
        [[np.full(shape, value, np.int8) for shape in shapes_of(graph)] for value in (127, 126, 0, -128)],
    )


def test_layers_of_other_kinds_are_refused() -> None:
    weights = np.ones((4, 3, 3, 4), np.int8)
    bias = np.zeros(4, np.int32)
    assert fits(layer(weights, bias, 0.01))
    assert not fits(layer(weights[..., :3], bias, 0.01))
    assert not fits(layer(weights[:, :, :2], bias, 0.01))
    assert not fits(layer(weights, bias, 3.0))  # a shift left
    source = activation((1, 6, 6, 4), 1.0, 0)
    for options in (
        ConvOptions("SAME", 2, 1),
        ConvOptions("SAME", 1, 2),
        ConvOptions("SAME", 1, 1, 2, 1),
        ConvOptions("SAME", 1, 1, 1, 2),
    ):
        result = activation((1, 6 // options.stride_h, 6 // options.stride_w, 4), 100.0, 0)
        parts = [source, constant(weights, per_tensor(1.0)), constant(bias, per_tensor(1.0))]
        assert not fits(one_op("CONV_2D", parts, result, options))
    grouped = constant(weights, per_channel([1.0] * 4, 0))
    parts = [activation((1, 6, 6, 8), 1.0, 0), grouped, constant(bias, per_tensor(1.0))]
    assert not fits(one_op("CONV_2D", parts, activation((1, 6, 6, 4), 100.0, 0), ConvOptions("SAME")))


def test_the_lag_is_no_larger_than_needed() -> None:
    """A byte less, and a patch would be read that outputs have overwritten: found by going through them."""
    rng = np.random.default_rng(4)
    for _ in range(60):
        p = params_of(random_layer(rng))
        w = p.window
        written, needed = 0, 0
        for y, x in product(range(0, w.out_h, 2), range(0, w.out_w, 4)):
            rows = range(max(0, y - w.pad_top), min(w.in_h, y - w.pad_top + 4))
            columns = range(max(0, x - w.pad_left), min(w.in_w, x - w.pad_left + 6))
            lowest = min((r * w.in_w + c) * p.in_channels for r, c in product(rows, columns))
            needed = max(needed, written - lowest)
            last = min(y + 1, w.out_h - 1) * w.out_w + min(x + 3, w.out_w - 1)
            written = max(written, (last + 1) * p.out_channels)
        assert lag(p) == needed


@pytest.mark.usefixtures("only_winograd")
def test_the_formula_is_near_the_counts() -> None:
    """Within 5 % and 300 instructions: calls and copies at borders are not told apart."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(22)
    graph = merge([graph for graph in (random_layer(rng, 20) for _ in range(24)) if fits(graph)])
    model = CoreModel(graph, FAST)
    model.run([np.zeros(shape, np.int8) for shape in shapes_of(graph)], count=True)
    for bound, layer_count in zip(bind(graph), model.counts, strict=True):
        formula, count = CONV_2D_WINOGRAD.instructions(bound.params), layer_count.instructions
        assert abs(formula - count) < 0.05 * count + 300, (bound.params.window, formula, count)


def test_it_is_chosen_where_it_pays_and_speed_is_asked_for() -> None:
    rng = np.random.default_rng(23)
    weights = rng.integers(-127, 128, (16, 3, 3, 16), dtype=np.int8)
    wide = layer(weights, np.zeros(16, np.int32), 1e-3, image=(16, 16))
    tiny = layer(weights[:2, :, :, :4], np.zeros(2, np.int32), 1e-3, image=(1, 1))
    kernels = {
        (name, goal.core, goal.optimize): choose.choose(bind(graph)[0], goal).kernel
        for name, graph in (("wide", wide), ("tiny", tiny))
        for goal in (FAST, Goal("cortex-m4"), Goal("cortex-m4", "size"), Goal("cortex-m0plus", "speed"))
    }
    chosen = {key for key, kernel in kernels.items() if "winograd" in kernel}
    assert chosen == {("wide", "cortex-m4", "speed")}
    assert CONV_2D_WINOGRAD in OPS["CONV_2D"].variants
