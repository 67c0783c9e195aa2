"""CONV_2D without the dead columns of its window: bytes, lists, counts and flash, core by core.

However small the layer, the kernel that gathers is chosen here wherever it fits.
"""

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from ops.test_cores import Touching
from ops.test_dsp import convolution, random_convolution
from support.tools import require_module, require_tool

from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.gcc_arm import GCC_ARM
from edgeprune.ops import OPS, BoundNode, bind, choose, evaluate, merge
from edgeprune.ops.base import Variant
from edgeprune.ops.conv2d import columns, columns_dsp
from edgeprune.ops.conv2d.columns_dsp import CONV_2D_COLUMNS_DSP
from edgeprune.ops.conv2d.op import Params
from edgeprune.ops.cores import Goal
from edgeprune.ops.dsp.gather import find_gather
from edgeprune.tflite.graph import Array, QuantGraph

M4 = Goal("cortex-m4")
GRAPHS = 40
Rng = np.random.Generator


def with_dead(graph: QuantGraph, dead: Array) -> QuantGraph:
    """`graph` of one convolution, `dead` (window_h, window_w, channels) the columns to be 0."""
    index = graph.nodes[0].inputs[1]
    weights = graph.tensors[index].array().copy()
    weights[:, dead] = 0
    tensors = list(graph.tensors)
    tensors[index] = replace(tensors[index], data=weights.tobytes())
    return replace(graph, tensors=tuple(tensors))


def at_random(graph: QuantGraph, rng: Rng, fraction: float) -> QuantGraph:
    """The same number of columns dead whatever `rng`, anywhere."""
    shape = graph.tensors[graph.nodes[0].inputs[1]].shape[1:]
    dead = np.zeros(int(np.prod(shape)), np.bool_)
    dead[rng.choice(dead.size, round(fraction * dead.size), replace=False)] = True
    return with_dead(graph, dead.reshape(shape))


def randomly_dead(graph: QuantGraph, rng: Rng) -> QuantGraph:
    """Columns, whole taps or whole channels dead, few or almost all."""
    h, w, c = graph.tensors[graph.nodes[0].inputs[1]].shape[1:]
    extents = [(h, w, c), (h, w, 1), (1, 1, c), (h, 1, c)][int(rng.choice(4, p=[0.4, 0.2, 0.2, 0.2]))]
    dead = np.broadcast_to(rng.random(extents) < rng.choice([0.1, 0.3, 0.5, 0.75, 0.95]), (h, w, c)).copy()
    dead.reshape(-1)[int(rng.integers(h * w * c))] = True
    return with_dead(graph, dead)


def random_layers(rng: Rng) -> list[QuantGraph]:
    found: list[QuantGraph] = []
    while len(found) < GRAPHS:
        graph = random_convolution(rng)
        if graph is not None:
            graph = randomly_dead(graph, rng)
            if CONV_2D_COLUMNS_DSP.fits(params_of(graph)):
                found.append(graph)
    return found


def params_of(graph: QuantGraph) -> Params:
    params = bind(graph)[0].params
    assert isinstance(params, Params)
    return params


def runs_of(graph: QuantGraph, rng: Rng) -> list[list[Array]]:
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(2)]
    return runs + [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]


def only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variant `name` wherever it fits, and nothing else there."""

    def found(bound: BoundNode, goal: Goal) -> list[Variant[Any]]:
        return [v for v in bound.op.variants if v.name == name and v.fits(bound.params)]

    monkeypatch.setattr(choose, "candidates", found)
    monkeypatch.setattr(import_module("edgeprune.memory.slim"), "candidates", found)


KERNELS = {
    "cortex-m4": ("columns dsp", {"ep_conv2d_columns_s8_dsp"}),
    "cortex-m0plus": (
        "m0",
        {"ep_conv2d_m0", "ep_conv2d_s8_m0", "ep_conv2d_signed_s8_m0", "ep_conv2d_columns_s8"},
    ),
    "cortex-m3": ("none", {"ep_conv2d_columns_s8", "ep_conv2d_s8"}),
}


@pytest.mark.parametrize("toolchain", [ZIG, GCC_ARM], ids=lambda toolchain: toolchain.name)
@pytest.mark.parametrize("core", KERNELS)
def test_random_layers(core: str, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs overwrite inputs as far as allowed; what memory held before is in no output."""
    require_module("unicorn")
    if toolchain is GCC_ARM:
        require_tool("arm-none-eabi-gcc")
    from edgeprune.device.emulator.bare import CoreModel

    name, kernels = KERNELS[core]
    only(name, monkeypatch)
    rng = np.random.default_rng(31)
    graphs = random_layers(rng)
    graph = merge(graphs)
    model = CoreModel(graph, Goal(core), toolchain, planner=Touching())
    found = {f.removesuffix(".c") for f in model.generated.files if f.startswith("ep_conv2d") and ".c" in f}
    assert found == kernels
    for inputs in runs_of(graph, rng):
        for index, a, b in zip(graph.outputs, evaluate(graph, inputs), model.run(inputs), strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)


def test_random_layers_reach_all_ways() -> None:
    """Quads, twins, singles and odd numbers of pairs; patches of one and two pixels; one pixel at last."""
    params = [params_of(graph) for graph in random_layers(np.random.default_rng(31))]
    counts = np.array([columns_dsp.gather(p).counts for p in params])
    assert (np.count_nonzero(counts, axis=0) >= 5).all()
    assert np.count_nonzero(counts[:, 2] % 4 == 1) >= 3
    assert np.count_nonzero(counts[:, 2] % 4 == 3) >= 3
    windows = [p.window for p in params]
    bordered = [w for w in windows if columns_dsp.leaves_image(w)]
    assert sum(columns_dsp.patch_w(w) > w.window_w for w in bordered) >= 5
    assert sum(columns_dsp.patch_w(w) == w.window_w for w in bordered) >= 5
    assert sum(w.positions % 2 for w in windows) >= 5
    assert sum(w.out_w % 2 for w in windows if w.out_h > 1) >= 5
    assert sum(columns_dsp.matrix(p).places is not None for p in params) >= 3
    assert sum(columns_dsp.matrix(p).places is None and p.out_channels % 4 == 0 for p in params) >= 3
    assert 5 <= sum(columns.pays(p) for p in params) < len(params)


def test_gathers_each_live_column_once() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        run, runs = rng.integers(1, [30, 6]).tolist()
        is_read = rng.random(run * runs) < rng.uniform(0, 1)
        is_even = bool(rng.random() < 0.5)
        g = find_gather(is_read, run, is_even)
        taken = [at for at in g.order if at >= 0]
        assert sorted(taken) == np.flatnonzero(is_read).tolist()
        assert len(g.order) % (4 if is_even else 2) == 0 < len(g.order)
        assert all(at % run + 4 <= run for at in (*g.quads, *g.twins))  # loads stay in the run
        assert len(g.twins) % 4 == 0
        assert len(g.starts) == len(g.quads) + len(g.twins) + len(g.singles)


def test_quads_and_twins() -> None:
    """Four neighbours at a time where all are read; the second behind where these are not neighbours."""
    assert find_gather([True] * 8, 8, False).counts == (2, 0, 0)
    assert find_gather([False] * 4 + [True] * 4, 8, False).quads == (4,)
    alternating = find_gather([True, False] * 8 + [False] * 4, 20, False)
    assert alternating.twins == (0, 4, 8, 12)
    assert alternating.order == (0, 2, 4, 6, 8, 10, 12, 14)
    assert find_gather([True, True, False, False] * 2, 4, False).singles == (0, 1, 4, 5)


LAYERS = {
    "16": convolution((16, 16, 16), (16, 3, 3), 1),
    "32, away from zero": convolution((12, 12, 32), (32, 3, 3), 1, 4),
    "stride 2": convolution((16, 16, 16), (32, 3, 3), 2),
    "1 x 1, stride 2": convolution((16, 16, 32), (64, 1, 1), 2),
    "1 x 1": convolution((8, 8, 64), (64, 1, 1), 1),
    "3 channels": convolution((32, 32, 3), (16, 3, 3), 1),
    "64": convolution((8, 8, 64), (64, 3, 3), 1),
    "64, odd": convolution((5, 5, 64), (64, 3, 3), 1),
    "30 filters": convolution((10, 10, 16), (30, 3, 3), 1),
    "10 x 4": convolution((25, 10, 1), (64, 10, 4), 2),
}
FRACTIONS = (0.5, 0.75)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_formula_holds(fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 3 % of what is counted."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    only("columns dsp", monkeypatch)
    rng = np.random.default_rng(2)
    graphs = [at_random(graph, rng, fraction) for graph in LAYERS.values()]
    graph = merge(graphs)
    model = CoreModel(graph, M4)
    model.run([np.zeros(graph.tensors[i].shape, np.int8) for i in graph.inputs], count=True)
    wrong = {}
    for name, single, count in zip(LAYERS, graphs, model.counts, strict=True):
        error = CONV_2D_COLUMNS_DSP.instructions(params_of(single)) / count.instructions - 1
        if abs(error) > 0.03:
            wrong[name] = (f"{error:+.1%}", count.instructions)
    assert not wrong


SAVED = {"cortex-m4": (0.5, 1.75, 0.75, 3.05), "cortex-m0plus": (0.5, 1.7, 0.75, 2.9)}
"""By how much instructions fall, at least, where so many columns are dead."""


@pytest.mark.parametrize("core", SAVED)
def test_saves_in_proportion(core: str) -> None:
    """A layer of ResNet-8 with columns dead at random: same bytes as the reference, fewer instructions,
    less flash."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(12)
    dense = convolution((16, 16, 32), (32, 3, 3), 1)
    image = rng.integers(-128, 128, dense.tensors[dense.inputs[0]].shape, dtype=np.int8)

    def counted(graph: QuantGraph) -> tuple[int, int]:
        model = CoreModel(graph, Goal(core))
        (got,) = model.run([image], count=True)
        assert np.array_equal(got, evaluate(graph, [image])[0])
        return model.counts[0].instructions, model.generated.constant_bytes

    instructions, flash_bytes = counted(dense)
    half, half_ratio, quarter, quarter_ratio = SAVED[core]
    for fraction, ratio in ((half, half_ratio), (quarter, quarter_ratio)):
        fewer, smaller = counted(at_random(dense, rng, fraction))
        assert instructions / fewer > ratio
        assert flash_bytes / smaller > ratio * 0.85


@pytest.mark.parametrize("core", KERNELS)
def test_dense_layers_keep_their_kernel(core: str) -> None:
    """Without dead columns nothing changes; with one, lists do not pay where they slow all others down."""
    dense = convolution((8, 8, 16), (16, 3, 3), 1)
    one = np.zeros((3, 3, 16), np.bool_)
    one[1, 1, 3] = True
    for graph in (dense,) if core == "cortex-m4" else (dense, with_dead(dense, one)):
        bound = bind(graph)[0]
        call = choose.choose(bound, Goal(core))
        assert "columns" not in call.kernel
        assert all(field.value is None for field in call.params if field.name in ("list", "begin"))
    assert not CONV_2D_COLUMNS_DSP.fits(params_of(dense))
    assert CONV_2D_COLUMNS_DSP in OPS["CONV_2D"].variants


def test_weights_of_constant_filters_keep_no_column() -> None:
    """Columns that only filters with constant outputs read are dead for the kernel of the extension."""
    graph = convolution((6, 6, 8), (16, 3, 3), 1)
    index = graph.nodes[0].inputs[1]
    weights = graph.tensors[index].array().copy()
    weights[:4, 0] = 0  # the first row of taps is read by the other twelve alone ...
    filters = graph.tensors[index]
    assert filters.quantization is not None
    scales = list(filters.quantization.scales)
    scales[4:] = [1e-12] * 12  # ... whose outputs are constant
    quantization = replace(filters.quantization, scales=tuple(scales))
    tensors = list(graph.tensors)
    tensors[index] = replace(filters, data=weights.tobytes(), quantization=quantization)
    p = params_of(replace(graph, tensors=tuple(tensors)))
    assert CONV_2D_COLUMNS_DSP.fits(p)
    assert len(columns.live_columns(p)) == 72
    assert sum(at >= 0 for at in columns_dsp.gather(p).order) == 48
