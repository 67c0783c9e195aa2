"""Slim kernels: taken where memory peaks, within the allowance for the whole network, and nowhere else."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import NetworkBuilder

from edgeprune.memory.live import live_ranges
from edgeprune.memory.plan import lower_bound_bytes
from edgeprune.memory.slim import ALIGN_BYTES, ALLOWANCE, slim
from edgeprune.ops import BoundNode, bind
from edgeprune.ops.base import KernelCall, Op, Variant
from edgeprune.ops.choose import candidates
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import Node, QuantGraph, Quantization
from edgeprune.tflite.options import ConvOptions

M4 = Goal("cortex-m4")


def pools(count: int) -> QuantGraph:
    """`count` poolings in a row, from 64x64 pixels: x has 4096 bytes, each output a quarter of its input."""
    net = NetworkBuilder()
    x = last = net.tensor("x", (1, 64, 64, 1))
    for i in range(count):
        last = net.pool(last, f"p{i}")
    return net.graph((x,), (last,))


def variant(
    op: Op[Any], name: str, instructions: float, scratch_bytes: int, is_larger: bool = False
) -> Variant[Any]:
    def kernel(params: Any, node: Node) -> KernelCall:
        return replace(op.kernel(params, node), kernel=name, scratch_bytes=scratch_bytes)

    return Variant(name, "dsp", lambda _: True, kernel, lambda _: instructions, is_larger)


def given_kernels(
    graph: QuantGraph, kernels: Sequence[Sequence[tuple[str, float, int]]]
) -> tuple[BoundNode, ...]:
    """The bound nodes of `graph` with these (name, instructions, scratch bytes) to choose from."""
    nodes = bind(graph)
    return tuple(
        replace(bound, op=replace(bound.op, variants=tuple(variant(bound.op, *each) for each in found)))
        for bound, found in zip(nodes, kernels, strict=True)
    )


def peak_bytes(graph: QuantGraph, nodes: Sequence[BoundNode], goal: Goal, picks: dict[int, str]) -> int:
    return lower_bound_bytes(live_ranges(graph, nodes, goal, picks).buffers, ALIGN_BYTES)


@pytest.mark.parametrize(
    ("optimize", "instructions", "picks"),
    [
        ("speed", 1000, {0: "lean"}),
        ("speed", 1001, {}),
        ("balanced", 1100, {0: "lean"}),  # of 2000 instructions, 5 % are 100
        ("balanced", 1101, {}),
        ("size", 2000, {0: "lean"}),
        ("size", 2001, {}),
    ],
)
def test_a_slower_kernel_is_taken_within_the_allowance(
    optimize: Any, instructions: int, picks: dict[int, str]
) -> None:
    graph, goal = pools(2), Goal("cortex-m4", optimize)
    nodes = given_kernels(graph, [[("fast", 1000, 512), ("lean", instructions, 0)], [("only", 1000, 8)]])
    assert slim(graph, nodes, goal) == picks


@pytest.mark.parametrize(
    ("kernels", "picked"),
    [
        ([("fast", 1000, 512), ("same", 1010, 512), ("dear", 1040, 0), ("cheap", 1020, 0)], "cheap"),
        # Of the 30 instructions left behind `cheap`, 20 pay for `dear`.
        ([("fast", 1000, 512), ("dear", 1040, 0), ("cheap", 1020, 256)], "dear"),
        ([("fast", 1000, 512), ("dear", 1051, 0), ("cheap", 1020, 256)], "cheap"),
    ],
)
def test_the_cheapest_kernel_that_lowers_the_peak_is_taken(
    kernels: list[tuple[str, float, int]], picked: str
) -> None:
    graph = pools(1)
    assert slim(graph, given_kernels(graph, [kernels]), M4) == {0: picked}


def test_layers_beside_the_peak_keep_their_fastest_kernel() -> None:
    graph = pools(2)
    nodes = given_kernels(graph, [[("only", 1000, 0)], [("fast", 1000, 512), ("lean", 1000, 0)]])
    assert slim(graph, nodes, M4) == {}


def test_when_one_peak_is_lower_the_next_is_looked_at() -> None:
    """Steps need 4096 + 1024 and 1024 + 256 bytes, and scratch: first 8000, then 9000."""
    graph = pools(2)
    choices = [[("fast", 1000, 8000), ("lean", 1040, 0)], [("fast", 1000, 9000), ("lean", 1060, 0)]]
    assert slim(graph, given_kernels(graph, choices), M4) == {0: "lean", 1: "lean"}
    # 5 % of 2000 instructions do not pay for both.
    choices[1][1] = ("lean", 1061, 0)
    assert slim(graph, given_kernels(graph, choices), M4) == {0: "lean"}


def test_nothing_is_taken_where_the_inputs_alone_are_the_peak() -> None:
    net = NetworkBuilder()
    x, unused = net.tensor("x", (1, 8, 8, 1)), net.tensor("unused", (1, 4096))
    graph = net.graph((x, unused), (net.pool(x, "pooled"),))
    assert slim(graph, given_kernels(graph, [[("fast", 1000, 512), ("lean", 1000, 0)]]), M4) == {}


def test_larger_kernels_are_for_speed_alone() -> None:
    graph = pools(1)
    (bound,) = bind(graph)
    kernels = (variant(bound.op, "fast", 1000, 512), variant(bound.op, "lean", 1000, 0, is_larger=True))
    nodes = [replace(bound, op=replace(bound.op, variants=kernels))]
    assert slim(graph, nodes, M4) == {}
    assert slim(graph, nodes, Goal("cortex-m4", "speed")) == {0: "lean"}


def test_portable_code_and_large_networks_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = pools(1)
    nodes = given_kernels(graph, [[("fast", 1000, 512), ("lean", 1000, 0)]])
    assert slim(graph, nodes, M4) == {0: "lean"}
    assert slim(graph, nodes, Goal("cortex-m4", is_portable=True)) == {}
    assert slim(graph, nodes, Goal("host")) == {}
    monkeypatch.setattr(import_module("edgeprune.memory.slim"), "MAX_NODES", 0)
    assert slim(graph, nodes, M4) == {}


def convolutions(depths: Sequence[int], sides: Sequence[int]) -> QuantGraph:
    """Convolutions of 8x8 pixels in a row."""
    rng = np.random.default_rng(0)
    net = NetworkBuilder()
    x = last = net.tensor("x", (1, 8, 8, depths[0]))
    for i, (before, after, side) in enumerate(zip(depths, depths[1:], sides, strict=False)):
        filters = rng.integers(-127, 128, (after, side, side, before)).astype(np.int8)
        biases = rng.integers(-500, 500, after).astype(np.int32)
        scales = [Quantization((scale,) * after, (0,) * after) for scale in (0.0078125, 0.0078125 * 0.0625)]
        constants = net.constant(f"w{i}", filters, scales[0]), net.constant(f"b{i}", biases, scales[1])
        last = net.node("CONV_2D", (last, *constants), net.tensor(f"c{i}", (1, 8, 8, after)), ConvOptions())
    return net.graph((x,), (last,))


@settings(max_examples=15, deadline=None)
@given(
    depths=st.lists(st.sampled_from([1, 3, 4, 8, 16]), min_size=2, max_size=4),
    sides=st.lists(st.sampled_from([1, 3]), min_size=3, max_size=3),
    core=st.sampled_from(["cortex-m0plus", "cortex-m4", "cortex-m55"]),
    optimize=st.sampled_from(["speed", "balanced", "size"]),
)
def test_real_kernels_keep_to_the_allowance(
    depths: list[int], sides: list[int], core: str, optimize: Any
) -> None:
    goal = Goal(core, optimize)
    graph = convolutions(depths, sides)
    nodes = bind(graph)
    picks = slim(graph, nodes, goal)
    costs = [{v.name: v.instructions(bound.params) for v in candidates(bound, goal)} for bound in nodes]
    fastest = sum(min(each.values(), default=0) for each in costs)
    taken = sum(
        each[picks[i]] if i in picks else min(each.values(), default=0) for i, each in enumerate(costs)
    )
    assert taken <= fastest * (1 + ALLOWANCE[goal.optimize]) + 1e-6
    slimmed, fast = peak_bytes(graph, nodes, goal, picks), peak_bytes(graph, nodes, goal, {})
    assert slimmed < fast if picks else slimmed == fast
