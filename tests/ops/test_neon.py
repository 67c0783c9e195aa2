"""Kernels for 64-bit Arm on emulated cores: the references' bytes, nothing outside of buffers, formulas."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
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
from edgeprune.ops import OPS, ReferenceModel, all_ops, bind, evaluate, merge
from edgeprune.ops.add.neon import is_careful
from edgeprune.ops.base import Case, Variant
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.cores import Goal
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import Array, QuantGraph
from edgeprune.tflite.options import (
    ArithmeticOptions,
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
    Padding,
)

Rng = np.random.Generator
Draw = Callable[[Rng], QuantGraph | None]
GRAPHS = 40
BATCHES = 6
CORE = {"neon": "cortex-a72", "dotprod": "cortex-a76"}


# --- random networks of one operator


def random_wide_convolution(rng: Rng) -> QuantGraph | None:
    """Channels in every part of a block, runs of every length."""
    return random_convolution(rng, most=int(rng.choice([2, 9, 25])))


def random_pointwise(rng: Rng) -> QuantGraph:
    """Deep pixels, of many of which no filter reads all inputs, and channels that are constant."""
    in_h, in_w = rng.integers(1, [7, 7]).tolist()
    depth, channels = (
        int(rng.integers(16, 300)),
        int(rng.choice([rng.integers(1, 150), rng.integers(150, 257)])),
    )
    filters, bias = filters_of(rng, (channels, 1, 1, depth), 0)
    weights = filters.array().copy()
    if rng.random() < 0.7:
        weights[..., rng.random(depth) < rng.random()] = 0
    filters = replace(filters, data=weights.tobytes())
    result, fused = result_of(rng, (1, in_h, in_w, channels), depth)
    source = activation((1, in_h, in_w, depth), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("CONV_2D", [source, filters, bias], result, ConvOptions("VALID", activation=fused))


def random_three(rng: Rng) -> QuantGraph | None:
    """Windows of 3 x 3 on whole vectors of channels, even and odd extents."""
    in_h, in_w, blocks, channels = rng.integers(1, [20, 20, 5, 40]).tolist()
    padding: Padding = "SAME" if rng.random() < 0.7 else "VALID"
    out_h, out_w = window_output(padding, in_h, 3, 1), window_output(padding, in_w, 3, 1)
    if out_h < 1 or out_w < 1:
        return None
    filters, bias = filters_of(rng, (channels, 3, 3, 8 * blocks), 0)
    result, fused = result_of(rng, (1, out_h, out_w, channels), 72 * blocks)
    source = activation((1, in_h, in_w, 8 * blocks), IN_SCALE, int(rng.integers(-128, 128)))
    return one_op("CONV_2D", [source, filters, bias], result, ConvOptions(padding, 1, 1, activation=fused))


def random_sparse(rng: Rng) -> QuantGraph | None:
    """Convolutions with inputs of their windows that no filter reads."""
    graph = random_three(rng) if rng.random() < 0.6 else random_wide_convolution(rng)
    if graph is None:
        return None
    index = graph.nodes[0].inputs[1]
    weights = graph.tensors[index].array().copy()
    weights[:, rng.random(weights.shape[1:]) < rng.choice([0.3, 0.6, 0.9])] = 0
    tensors = list(graph.tensors)
    tensors[index] = replace(tensors[index], data=weights.tobytes())
    return replace(graph, tensors=tuple(tensors))


def random_window(rng: Rng) -> QuantGraph | None:
    """Depthwise: windows of any size, strides and dilations."""
    in_h, in_w, channels = rng.integers(1, [20, 20, 40]).tolist()
    channels = int(rng.choice([channels, 1, 2, 4, 8, 16, 32]))
    window_h, window_w = (3, 3) if rng.random() < 0.6 else rng.integers(1, 6, 2).tolist()
    stride = int(rng.choice([1, 1, 2, 3]))
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


DRAWS: dict[str, tuple[Draw, ...]] = {
    "CONV_2D": (random_wide_convolution, random_pointwise, random_three, random_sparse),
    "DEPTHWISE_CONV_2D": (random_window,),
    "FULLY_CONNECTED": (random_dense,),
    "ADD": (random_addition,),
    "AVERAGE_POOL_2D": (test_mve.random_pool,),
    "MEAN": (test_mve.random_mean,),
}


# --- every kernel


@dataclass(frozen=True)
class Kernel:
    """A variant of an operator, and a core that has what it needs."""

    op: str
    variant: Variant[Any]

    def __str__(self) -> str:
        return f"{self.op}-{self.variant.name}"

    @property
    def goal(self) -> Goal:
        return Goal(CORE[self.variant.needs], "speed")

    def drawn(self, rng: Rng) -> list[QuantGraph]:
        """Networks that it can run."""
        found: list[QuantGraph] = []
        for draw in cycle(DRAWS[self.op]):
            graph = draw(rng)
            if graph is not None and self.variant.fits(bind(graph)[0].params):
                found.append(graph)
            if len(found) == GRAPHS:
                break
        return found


KERNELS = [Kernel(op.name, v) for op in OPS for v in op.variants if v.needs in CORE]


def test_there_are_networks_for_all() -> None:
    assert {kernel.op for kernel in KERNELS} == set(DRAWS)


def runs_of(graph: QuantGraph, rng: Rng) -> list[list[Array]]:
    """Random inputs, all lowest, all highest."""
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes] for _ in range(3)]
    return runs + [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_random_shapes(kernel: Kernel, tmp_path: Path) -> None:
    """The references' bytes while outputs overwrite inputs; formulas within 10 % and 300 instructions."""
    emulator(kernel.goal.core)
    rng = np.random.default_rng(300)
    graphs = kernel.drawn(rng)
    graph = merge(graphs)
    picks = dict.fromkeys(range(GRAPHS), kernel.variant.name)
    model = ArmModel(graph, tmp_path, kernel.goal, Touching(), picks)
    runs = runs_of(graph, rng)
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for index, a, b in zip(graph.outputs, evaluate(graph, inputs), outputs, strict=True):
            assert np.array_equal(a, b), (graph.tensors[index].name, np.argwhere(a != b)[:5], a.shape)
    wrong = {}
    for number, count in enumerate(model.counts(runs[0])):
        formula = kernel.variant.instructions(bind(graphs[number])[0].params)
        if abs(formula - (count - MARK_INSTRUCTIONS)) > 0.1 * count + 300:
            wrong[number] = (round(formula), count)
    assert not wrong


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels_stay_inside_their_buffers(kernel: Kernel, tmp_path: Path) -> None:
    """Cases and random networks: inputs end where nothing can be read, guards are around all else."""
    command = emulator(kernel.goal.core)
    rng = np.random.default_rng(4)
    op = OPS[kernel.op]
    graphs = [case.graph for case in op.cases(rng)] + kernel.drawn(rng)
    cases = [Case(f"network {number}", graph) for number, graph in enumerate(graphs)]
    traps = ("-fsanitize=undefined", "-fsanitize-trap=undefined", "-DEP_INPUTS_END_PAGES", "-D_GNU_SOURCE")
    compiler = [*ZIG.find(), *ZIG.core_flags[kernel.goal.core], *WARNINGS, *traps, "-static"]
    program = KernelProgram(op, cases, tmp_path, compiler, kernel.goal, command, kernel.variant.name)
    assert sum(call.kernel.endswith(("_neon", "_dot")) for call in program.calls) >= GRAPHS
    runs = [Run(i, run) for i, case in enumerate(cases) for run in inputs_of(case.graph, rng)]
    for run, outputs in zip(runs, program.outputs(runs), strict=True):
        wanted = evaluate(cases[run.case].graph, run.inputs)
        for array, data in zip(wanted, outputs, strict=True):
            assert array.tobytes() == data, (cases[run.case].name, program.calls[run.case].kernel)


# --- at the edges of what fits


def lowest(op: str, rng: Rng, share: float) -> QuantGraph:
    """A layer in which `share` of the weights are -128, with few taps, so that nothing is cut off."""
    shapes = {"CONV_2D": (9, 3, 3, 8), "DEPTHWISE_CONV_2D": (1, 3, 3, 32), "FULLY_CONNECTED": (9, 48)}
    axis = 3 if op == "DEPTHWISE_CONV_2D" else 0
    filters, _ = filters_of(rng, shapes[op], axis)
    weights = np.where(rng.random(shapes[op]) < share, -128, -127).astype(np.int8)
    filters = replace(filters, data=weights.tobytes())
    channels = shapes[op][axis]
    if op == "FULLY_CONNECTED":
        source, result = activation((2, 48), IN_SCALE, 0), activation((2, channels), 6.0, 0)
        return one_op(op, [source, filters], result, FullyConnectedOptions())
    depth = 32 if axis == 3 else 8
    source, result = activation((1, 5, 6, depth), IN_SCALE, 0), activation((1, 5, 6, channels), 6.0, 0)
    options = DepthwiseConvOptions("SAME", 1, 1) if axis == 3 else ConvOptions("SAME", 1, 1)
    return one_op(op, [source, filters], result, options)


WEIGHTED = [k for k in KERNELS if k.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]


@pytest.mark.parametrize("kernel", WEIGHTED, ids=str)
def test_weights_of_minus_128(kernel: Kernel, tmp_path: Path) -> None:
    """Two of them times -128 do not fit 16 bits together: such filters run elsewhere, others run right."""
    emulator(kernel.goal.core)
    rng = np.random.default_rng(11)
    adds_in_16_bits = kernel.variant.name == "neon"
    everywhere = lowest(kernel.op, rng, 1.0)
    assert kernel.variant.fits(bind(everywhere)[0].params) != adds_in_16_bits
    graphs = [lowest(kernel.op, rng, share) for share in (0.0, 0.02, 0.02, 0.05, 0.5, 1.0)]
    graphs = [graph for graph in graphs if kernel.variant.fits(bind(graph)[0].params)]
    assert len(graphs) == 6 or (adds_in_16_bits and len(graphs) >= 2)
    graph = merge(graphs)
    picks = dict.fromkeys(range(len(graphs)), kernel.variant.name)
    model = ArmModel(graph, tmp_path, kernel.goal, picks=picks)
    runs = runs_of(graph, rng)
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for a, b in zip(evaluate(graph, inputs), outputs, strict=True):
            assert np.array_equal(a, b)


def test_halves_of_an_addend(tmp_path: Path) -> None:
    """Inputs that cancel but for the last bits of an addend: where signs matter, and where not."""
    goal = Goal("cortex-a72", "speed")
    emulator(goal.core)
    x = np.arange(-127, 128, dtype=np.int8).reshape(1, 255)
    graphs = []
    for scales in [
        *((0.5, 0.5 * (1 - step * 2.0**-20), 2.0**-18.8) for step in range(1, 8)),
        (0.5, 0.3, 0.9),
    ]:
        a, b, result = (activation(x.shape, scale) for scale in scales)
        graphs.append(one_op("ADD", [a, b], result, ArithmeticOptions()))
    careful = [is_careful(bind(graph)[0].params) for graph in graphs]
    assert any(careful) and not all(careful)
    graph = merge(graphs)
    model = ArmModel(graph, tmp_path, goal)
    runs: list[list[Array]] = [[x, -x] * len(graphs), [-x, x] * len(graphs)]
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(evaluate(graph, inputs), outputs, strict=True))
        assert len(np.unique(outputs[0])) > 50


# --- every operator


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
    model = ArmModel(graph, tmp_path, Goal(core), Touching())
    reference = ReferenceModel(graph)
    runs = [list(each) for each in inputs_of(graph, rng)]
    for inputs, outputs in zip(runs, model.run(runs), strict=True):
        for index, a, b in zip(graph.outputs, reference.run(inputs), outputs, strict=True):
            assert a.tobytes() == b.tobytes(), cases[int(graph.tensors[index].name.split("/")[0])].name
