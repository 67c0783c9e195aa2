"""Kernels for Helium on QEMU's Cortex-M55: the references' bytes, the formulas' counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ops.test_cores import Touching
from ops.test_dsp import IN_SCALE, filters_of, random_addition, random_convolution, result_of
from support.helium import CORE, FASTEST, HeliumModel
from support.tools import require_tool

from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.gcc_arm import GCC_ARM
from edgeprune.ops import OPS, bind, cores, evaluate, merge
from edgeprune.ops.base import Variant
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.choose import candidates
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import (
    DepthwiseConvOptions,
    FullyConnectedOptions,
    Padding,
    PoolOptions,
    ReducerOptions,
)

pytestmark = pytest.mark.qemu
GRAPHS = 24
Rng = np.random.Generator


@pytest.fixture(autouse=True)
def only_helium(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kernels that the core could run are not chosen, however small the layer."""
    monkeypatch.setitem(cores.FEATURES, CORE, frozenset({"mve"}))


def variant_of(graph: QuantGraph) -> Variant[Any] | None:
    found = candidates(bind(graph)[0], FASTEST)
    return found[0] if found else None


def random_depthwise(rng: Rng) -> QuantGraph | None:
    """Channels that are and are not made of whole vectors, rows without regard to pixels."""
    in_h, in_w = rng.integers([1, 1], [12, 12]).tolist()
    channels = int(rng.choice([1, 2, 3, 4, 8, 8, 16, 16, 17, 24, 31, 32, 40, 64]))
    stride_h, stride_w = rng.choice([1, 1, 2, 3], 2).tolist()
    padding: Padding = "SAME" if rng.random() < 0.7 else "VALID"
    out_h, out_w = window_output(padding, in_h, 3, stride_h), window_output(padding, in_w, 3, stride_w)
    if out_h < 1 or out_w < 1:
        return None
    filters, bias = filters_of(rng, (1, 3, 3, channels), 3)
    result, fused = result_of(rng, (1, out_h, out_w, channels), 9)
    source = activation((1, in_h, in_w, channels), IN_SCALE, int(rng.integers(-128, 128)))
    options = DepthwiseConvOptions(padding, stride_h, stride_w, activation=fused)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, bias], result, options)


def random_dense(rng: Rng) -> QuantGraph:
    rows, depth, channels = rng.integers(1, [6, 400, 70]).tolist()
    filters, bias = filters_of(rng, (channels, depth), 0)
    result, fused = result_of(rng, (rows, channels), depth)
    source = activation((rows, depth), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("FULLY_CONNECTED", [source, filters, bias], result, FullyConnectedOptions(fused))


def random_wide_convolution(rng: Rng) -> QuantGraph | None:
    """Channels in every part of a group, filters of many steps."""
    return random_convolution(rng, most=int(rng.choice([2, 9, 25])))


def random_pool(rng: Rng) -> QuantGraph | None:
    in_h, in_w, channels, window_h, window_w = rng.integers(1, [20, 20, 40, 20, 20]).tolist()
    stride_h, stride_w = rng.integers(1, 5, 2).tolist()
    padding: Padding = "SAME" if rng.random() < 0.5 else "VALID"
    out_h = window_output(padding, in_h, window_h, stride_h)
    out_w = window_output(padding, in_w, window_w, stride_w)
    if out_h < 1 or out_w < 1:
        return None
    source, result = (activation((1, h, w, channels), 0.05, 7) for h, w in ((in_h, in_w), (out_h, out_w)))
    options = PoolOptions(padding, stride_h, stride_w, window_h, window_w)
    return one_op("AVERAGE_POOL_2D", [source], result, options)


def random_mean(rng: Rng) -> QuantGraph:
    in_h, in_w, channels = rng.integers(1, [24, 24, 70]).tolist()
    source = activation((1, in_h, in_w, channels), 0.05, int(rng.integers(-128, 128)))
    scale = float(np.exp(rng.uniform(-9, -2)))
    result = activation((1, channels), scale, int(rng.integers(-128, 128)))
    return one_op("MEAN", [source, constant(np.array([1, 2], np.int32))], result, ReducerOptions(False))


RANDOM = {
    "CONV_2D": random_wide_convolution,
    "DEPTHWISE_CONV_2D": random_depthwise,
    "FULLY_CONNECTED": random_dense,
    "ADD": random_addition,
    "AVERAGE_POOL_2D": random_pool,
    "MEAN": random_mean,
}


def test_every_operator_with_such_a_kernel_is_drawn() -> None:
    assert set(RANDOM) == {op.name for op in OPS if any(v.needs == "mve" for v in op.variants)}


def drawn(op: str, rng: Rng) -> list[QuantGraph]:
    found: list[QuantGraph] = []
    while len(found) < GRAPHS:
        graph = RANDOM[op](rng)
        if graph is not None and variant_of(graph) is not None:
            found.append(graph)
    return found


def check(graph: QuantGraph, folder: Path, rng: Rng, toolchain: Toolchain = ZIG) -> None:
    """All networks of `graph` give the references' bytes while outputs overwrite inputs."""
    model = HeliumModel(graph, folder, toolchain=toolchain, planner=Touching())
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(2)]
    runs += [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for index, a, b in zip(graph.outputs, evaluate(graph, inputs), outputs, strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)


@pytest.mark.parametrize("op", RANDOM)
def test_cases(op: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    graphs = [case.graph for case in OPS[op].cases(rng)]
    fitting = [graph for graph in graphs if variant_of(graph) is not None]
    assert len(fitting) >= 3
    check(merge(fitting), tmp_path, rng)


@pytest.mark.parametrize("toolchain", [ZIG, GCC_ARM], ids=lambda toolchain: toolchain.name)
@pytest.mark.parametrize("op", RANDOM)
def test_random_shapes(op: str, toolchain: Toolchain, tmp_path: Path) -> None:
    """Both compilers take the kernels without a warning, and the assembly in them."""
    if toolchain is GCC_ARM:
        require_tool("arm-none-eabi-gcc")
    rng = np.random.default_rng(300)
    check(merge(drawn(op, rng)), tmp_path, rng, toolchain)


@pytest.mark.parametrize("op", RANDOM)
def test_formulas_are_near_the_counts(op: str, tmp_path: Path) -> None:
    """Within 10 % and 250 instructions on small layers, where calls and ends of rows matter most."""
    rng = np.random.default_rng(10)
    graph = merge(drawn(op, rng))
    model = HeliumModel(graph, tmp_path)
    model.run([[np.zeros(graph.tensors[i].shape, np.int8) for i in graph.inputs]])
    for bound, count in zip(bind(graph), model.counts, strict=True):
        formula = next(v for v in bound.op.variants if v.needs == "mve").instructions(bound.params)
        assert abs(formula - count) < 0.1 * count + 250, (graph.place(bound.node), formula, count)
