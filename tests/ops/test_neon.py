"""Kernels for 64-bit Arm on emulated cores: the references' bytes, nothing outside of buffers, formulas."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ops import test_mve
from ops.test_cores import Touching
from ops.test_dsp import IN_SCALE, filters_of, random_addition, random_convolution, random_dense, result_of
from ops.test_ops import inputs_of
from support.aarch64 import CORES, MARK_INSTRUCTIONS, ArmModel, emulator
from support.kernels import WARNINGS, KernelProgram, Run

from edgeprune.device.toolchain import ZIG
from edgeprune.ops import OPS, ReferenceModel, all_ops, bind, cores, evaluate, merge
from edgeprune.ops.base import Case, Variant
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.choose import candidates
from edgeprune.ops.cores import Goal
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import Array, QuantGraph
from edgeprune.tflite.options import ConvOptions, DepthwiseConvOptions, Padding

Rng = np.random.Generator
GRAPHS = 30
BATCHES = 6
CORE = {"neon": "cortex-a72", "dotprod": "cortex-a76"}


@pytest.fixture(params=CORE)
def goal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Goal:
    """A core that has one feature only, so that kernels for the other are not chosen."""
    monkeypatch.setitem(cores.FEATURES, CORE[request.param], frozenset({request.param}))
    return Goal(CORE[request.param], "speed")


def variant_of(graph: QuantGraph, goal: Goal) -> Variant[Any] | None:
    found = candidates(bind(graph)[0], goal)
    return found[0] if found else None


# --- every operator's cases


def batches() -> list[list[Case]]:
    cases = [case for op in all_ops() for case in op.cases(np.random.default_rng(3))]
    return [cases[first::BATCHES] for first in range(BATCHES)]


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("number", range(BATCHES))
def test_cases_on_a_core(core: str, number: int, tmp_path: Path) -> None:
    """All operators, portable kernels too, while outputs overwrite inputs."""
    cases = batches()[number]
    rng = np.random.default_rng(number)
    graph = merge([case.graph for case in cases])
    model = ArmModel(graph, tmp_path, Goal(core), planner=Touching())
    reference = ReferenceModel(graph)
    runs = [list(each) for each in inputs_of(graph, rng)]
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for index, a, b in zip(graph.outputs, reference.run(inputs), outputs, strict=True):
            assert a.tobytes() == b.tobytes(), cases[int(graph.tensors[index].name.split("/")[0])].name


# --- random networks of one operator


def random_wide_convolution(rng: Rng) -> QuantGraph | None:
    """Channels in every part of a block, runs of every length."""
    return random_convolution(rng, most=int(rng.choice([2, 9, 25])))


def random_pointwise(rng: Rng) -> QuantGraph:
    """Deep pixels, most of whose inputs no filter reads, and channels that are constant."""
    in_h, in_w = rng.integers(1, [7, 7]).tolist()
    depth, channels = int(rng.integers(16, 300)), int(rng.integers(1, 150))
    filters, bias = filters_of(rng, (channels, 1, 1, depth), 0)
    weights = filters.array().copy()
    if rng.random() < 0.7:
        weights[..., rng.random(depth) < rng.random()] = 0
    filters = replace(filters, data=weights.tobytes())
    result, fused = result_of(rng, (1, in_h, in_w, channels), depth)
    source = activation((1, in_h, in_w, depth), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("CONV_2D", [source, filters, bias], result, ConvOptions("VALID", activation=fused))


def random_window(rng: Rng) -> QuantGraph | None:
    """Depthwise: windows of any size, strides and dilations."""
    in_h, in_w, channels = rng.integers(1, [20, 20, 40]).tolist()
    channels = int(rng.choice([channels, 1, 2, 4, 8, 16, 32]))
    window_h, window_w = (3, 3) if rng.random() < 0.6 else rng.integers(1, 6, 2).tolist()
    stride = int(rng.choice([1, 1, 2, 3]))  # TFLite's strides of depthwise windows are equal
    dilation_h, dilation_w = rng.choice([1, 1, 1, 2], 2).tolist() if stride == 1 else (1, 1)
    padding: Padding = "SAME" if rng.random() < 0.7 else "VALID"
    out_h = window_output(padding, in_h, window_h, stride, dilation_h)
    out_w = window_output(padding, in_w, window_w, stride, dilation_w)
    if out_h < 1 or out_w < 1:
        return None
    filters, bias = filters_of(rng, (1, window_h, window_w, channels), 3)
    result, fused = result_of(rng, (1, out_h, out_w, channels), window_h * window_w)
    source = activation((1, in_h, in_w, channels), IN_SCALE, int(rng.integers(-128, 128)))
    options = DepthwiseConvOptions(padding, stride, stride, dilation_h, dilation_w, activation=fused)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, bias], result, options)


RANDOM = {
    "CONV_2D": random_wide_convolution,
    "CONV_2D of one pixel": random_pointwise,
    "DEPTHWISE_CONV_2D": random_window,
    "FULLY_CONNECTED": random_dense,
    "ADD": random_addition,
    "AVERAGE_POOL_2D": test_mve.random_pool,
    "MEAN": test_mve.random_mean,
}


def test_every_operator_with_such_a_kernel_is_drawn() -> None:
    families = {op.name for op in OPS if any(v.needs in CORE for v in op.variants)}
    assert {name.split()[0] for name in RANDOM} == families


def drawn(op: str, rng: Rng, goal: Goal) -> list[QuantGraph]:
    """Networks that a kernel for the goal's feature runs; skips where there is none."""
    if not any(v.needs in goal.features for v in OPS[op.split()[0]].variants):
        pytest.skip("no kernel of this operator needs that")
    found: list[QuantGraph] = []
    while len(found) < GRAPHS:
        graph = RANDOM[op](rng)
        if graph is not None and variant_of(graph, goal) is not None:
            found.append(graph)
    return found


def runs_of(graph: QuantGraph, rng: Rng) -> list[list[Array]]:
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(3)]
    return runs + [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]


@pytest.mark.parametrize("op", RANDOM)
def test_kernels_stay_inside_their_buffers(op: str, goal: Goal, tmp_path: Path) -> None:
    """Cases and random networks: inputs end where nothing can be read, guards are around all else."""
    command = emulator(goal.core)
    rng = np.random.default_rng(4)
    family = OPS[op.split()[0]]
    graphs = [case.graph for case in family.cases(rng)] + drawn(op, rng, goal)
    cases = [Case(f"network {number}", graph) for number, graph in enumerate(graphs)]
    traps = ("-fsanitize=undefined", "-fsanitize-trap=undefined", "-DEP_INPUTS_END_PAGES", "-D_GNU_SOURCE")
    compiler = [*ZIG.find(), *ZIG.core_flags[goal.core], *WARNINGS, *traps, "-static"]
    program = KernelProgram(family, cases, tmp_path, compiler, goal, command)
    assert sum(call.kernel.endswith(("_neon", "_dot")) for call in program.calls) >= GRAPHS
    runs = [Run(i, run) for i, case in enumerate(cases) for run in inputs_of(case.graph, rng)]
    for run, outputs in zip(runs, program.outputs(runs), strict=True):
        wanted = evaluate(cases[run.case].graph, run.inputs)
        for array, data in zip(wanted, outputs, strict=True):
            assert array.tobytes() == data, (cases[run.case].name, program.calls[run.case].kernel)


@pytest.mark.parametrize("op", RANDOM)
def test_random_shapes(op: str, goal: Goal, tmp_path: Path) -> None:
    """The references' bytes while outputs overwrite inputs; formulas within 10 % and 300 instructions."""
    emulator(goal.core)
    rng = np.random.default_rng(300)
    graphs = drawn(op, rng, goal)
    graph = merge(graphs)
    model = ArmModel(graph, tmp_path, goal, planner=Touching())
    runs = runs_of(graph, rng)
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for index, a, b in zip(graph.outputs, evaluate(graph, inputs), outputs, strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)
    wrong = {}
    for number, count in enumerate(model.counts(runs[0])):
        bound = bind(graphs[number])[0]
        variant = variant_of(graphs[number], goal)
        assert variant is not None
        formula = variant.instructions(bound.params)
        if abs(formula - (count - MARK_INSTRUCTIONS)) > 0.1 * count + 300:
            wrong[number] = (round(formula), count)
    assert not wrong
