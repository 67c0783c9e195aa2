"""Operator order: as good as the best of all orders, by trying them, and no other meaning."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import NetworkBuilder, tiny_network
from support.tools import require_module

import edgeprune.memory.order as order_module
from edgeprune.codegen.generate import generate
from edgeprune.device.hostlib import HostModel
from edgeprune.errors import ModelError
from edgeprune.memory import plan_memory
from edgeprune.memory.live import live_ranges
from edgeprune.memory.order import plan_reordered, reorder
from edgeprune.memory.plan import Buffer, MemoryPlan, lower_bound_bytes
from edgeprune.memory.planners import PLANNERS
from edgeprune.memory.slim import ALIGN_BYTES
from edgeprune.ops import ReferenceModel, bind
from edgeprune.ops.builder import Step, activation, constant, network, per_tensor, variable
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import Node, QuantGraph, Quantization
from edgeprune.tflite.options import ArithmeticOptions, ConcatenationOptions, ConvOptions, NoOptions
from edgeprune.tflite.read import read
from edgeprune.tflite.variables import ASSIGN, READ

M4 = Goal("cortex-m4")


def peak_bytes(graph: QuantGraph, goal: Goal = PORTABLE) -> int:
    return lower_bound_bytes(live_ranges(graph, bind(graph), goal).buffers, ALIGN_BYTES)


def repeated(net: NetworkBuilder, source: int, name: str, times: int) -> int:
    """(1, n) to (1, n * times), by CONCATENATION, which overwrites no input that it reads twice."""
    output = net.tensor(name, (1, net.tensors[source].shape[1] * times))
    return net.node("CONCATENATION", (source,) * times, output, ConcatenationOptions(axis=1))


def begin(net: NetworkBuilder, source: int, name: str, extent: int) -> int:
    """(1, n) to its first `extent` elements."""
    sizes = (
        net.constant(f"{name}/begin", np.zeros(2, np.int32)),
        net.constant(f"{name}/size", ints(1, extent)),
    )
    return net.node("SLICE", (source, *sizes), net.tensor(name, (1, extent)))


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def joined(net: NetworkBuilder, left: int, right: int, name: str) -> int:
    extent = net.tensors[left].shape[1] + net.tensors[right].shape[1]
    return net.node(
        "CONCATENATION", (left, right), net.tensor(name, (1, extent)), ConcatenationOptions(axis=1)
    )


def two_branches() -> QuantGraph:
    """Both branches widen their input of 100 bytes eight-fold and keep 8, or 400, bytes of it."""
    net = NetworkBuilder()
    x = net.tensor("x", (1, 100))
    large = begin(net, repeated(net, x, "a_wide", 8), "a_large", 400)
    small = begin(net, repeated(net, x, "b_wide", 8), "b_small", 8)
    return net.graph((x,), (joined(net, large, small, "joined"),))


def names(graph: QuantGraph) -> list[str]:
    return [graph.tensors[node.outputs[0]].name for node in graph.nodes]


def test_the_branch_that_leaves_less_runs_first() -> None:
    graph = two_branches()
    changed = reorder(graph, PORTABLE)
    assert names(graph) == ["a_wide", "a_large", "b_wide", "b_small", "joined"]
    assert names(changed) == ["b_wide", "b_small", "a_wide", "a_large", "joined"]
    # x is 104 bytes, rounded up. Before: x, a_large and b_wide; after: x, b_small and a_wide.
    assert peak_bytes(graph) == 104 + 400 + 800
    assert peak_bytes(changed) == 104 + 8 + 800
    assert (changed.tensors, changed.inputs, changed.outputs) == (graph.tensors, graph.inputs, graph.outputs)


def test_the_plan_is_that_of_the_better_order() -> None:
    graph = two_branches()
    changed, plan = plan_reordered(graph, PLANNERS["exact"], PORTABLE)
    assert changed == reorder(graph, PORTABLE)
    assert plan == plan_memory(changed, PLANNERS["exact"], PORTABLE)
    assert plan.arena_bytes == peak_bytes(changed)


@dataclass
class Worsening:
    """A planner whose every plan leaves another 4096 bytes unused below it."""

    name: str = "worsening"
    calls: int = 0

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        plan = PLANNERS["by_size"].plan(buffers, align_bytes)
        raised = {buffer: at + 4096 * self.calls for buffer, at in plan.offsets.items()}
        self.calls += 1
        return MemoryPlan(raised, align_bytes, self.name)


def test_an_order_that_the_planner_makes_nothing_of_is_not_taken() -> None:
    graph = two_branches()
    kept, plan = plan_reordered(graph, Worsening(), PORTABLE)
    assert kept is graph
    assert plan == replace(plan_memory(graph, PLANNERS["by_size"], PORTABLE), planner="worsening")


@pytest.mark.parametrize("goal", [PORTABLE, M4], ids=["portable", "m4"])
def test_networks_without_branches_stay_as_they_are(goal: Goal) -> None:
    graph = tiny_network()
    assert reorder(graph, goal) is graph


def two_equal_branches() -> QuantGraph:
    net = NetworkBuilder()
    x = net.tensor("x", (1, 64))
    branches = [begin(net, repeated(net, x, f"wide{i}", 4), f"small{i}", 16) for i in range(2)]
    return net.graph((x,), (joined(net, *branches, "joined"),))


def test_equal_peaks_keep_the_order() -> None:
    graph = two_equal_branches()
    mirrored = replace(graph, nodes=(*graph.nodes[2:4], *graph.nodes[:2], graph.nodes[4]))
    assert peak_bytes(graph) == peak_bytes(mirrored)
    assert reorder(graph, PORTABLE) is graph
    assert reorder(mirrored, PORTABLE) is mirrored


def test_an_order_found_that_is_no_better_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, twins = two_branches(), two_equal_branches()
    other = replace(graph, nodes=(*graph.nodes[2:4], *graph.nodes[:2], graph.nodes[4]))
    monkeypatch.setattr(order_module, "_best", lambda *_: [2, 3, 0, 1, 4])
    assert reorder(graph, PORTABLE) == other
    assert reorder(other, PORTABLE) is other
    assert reorder(twins, PORTABLE) is twins


def test_beyond_the_limits_the_order_is_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = two_branches()
    with monkeypatch.context() as patched:
        patched.setattr(order_module, "MAX_TRIES", 3)
        assert reorder(graph, PORTABLE) is graph
    with monkeypatch.context() as patched:
        patched.setattr(order_module, "MAX_NODES", 4)
        assert reorder(graph, PORTABLE) is graph
    assert reorder(graph, PORTABLE) is not graph


def test_many_branches_are_decided_quickly() -> None:
    """Twelve branches have 12! orders of their own."""
    net = NetworkBuilder()
    x = net.tensor("x", (1, 400))
    ends = [begin(net, repeated(net, x, f"wide{i}", 8), f"end{i}", 8 * (12 - i)) for i in range(12)]
    total = ends[0]
    for i, end in enumerate(ends[1:]):
        total = joined(net, total, end, f"joined{i}")
    graph = net.graph((x,), (total,))
    changed = reorder(graph, PORTABLE)
    # In the last branch: x, the ends of all others, and its wide tensor; the ends are 8, 16, ... 96 bytes.
    assert peak_bytes(graph) == 400 + (624 - 8) + 3200
    assert peak_bytes(changed) == 400 + (624 - 96) + 3200
    assert sorted(map(str, changed.nodes)) == sorted(map(str, graph.nodes))


def test_unknown_operators_are_refused_as_ever() -> None:
    graph = two_branches()
    strange = replace(graph, nodes=(*graph.nodes[:4], replace(graph.nodes[4], op="CUSTOM")))
    with pytest.raises(ModelError, match="not supported"):
        reorder(strange, PORTABLE)


def all_orders(graph: QuantGraph) -> Iterator[tuple[Node, ...]]:
    """Every order in which each node comes behind those that make its inputs."""
    made = {i for node in graph.nodes for i in node.outputs}

    def go(done: tuple[Node, ...], left: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
        if not left:
            yield done
        there = {i for node in done for i in node.outputs}
        for node in left:
            if all(i in there for i in node.inputs if i in made):
                yield from go((*done, node), tuple(n for n in left if n is not node))

    yield from go((), graph.nodes)


@st.composite
def random_networks(draw: st.DrawFn) -> QuantGraph:
    """One to six nodes that widen, cut, join, rename, split off or add what is there."""
    net = NetworkBuilder()
    there = [
        net.tensor(f"x{i}", (1, draw(st.sampled_from([8, 24, 61])))) for i in range(draw(st.integers(1, 2)))
    ]
    inputs = tuple(there)
    for step in range(draw(st.integers(1, 6))):
        source, other = draw(st.sampled_from(there)), draw(st.sampled_from(there))
        extent = net.tensors[source].shape[1]
        kinds = ["widen", "cut", "join", "rename", "add", "halve"]
        kind = draw(st.sampled_from(kinds))
        if kind == "widen":
            there.append(repeated(net, source, f"n{step}", draw(st.integers(2, 3))))
        elif kind == "cut":
            there.append(begin(net, source, f"n{step}", draw(st.integers(1, extent))))
        elif kind == "join":
            there.append(joined(net, source, other, f"n{step}"))
        elif kind == "rename":
            there.append(net.reshape(source, f"n{step}", (1, extent)))
        elif kind == "add" and extent == net.tensors[other].shape[1]:
            made = net.tensor(f"n{step}", (1, extent))
            there.append(net.node("ADD", (source, other), made, ArithmeticOptions()))
        elif kind == "halve" and extent % 2 == 0:
            halves = tuple(net.tensor(f"n{step}{side}", (1, extent // 2)) for side in "ab")
            axis = net.constant(f"n{step}/axis", np.array(1, np.int32))
            net.nodes.append(Node("SPLIT", 1, (axis, source), halves, NoOptions()))
            there += halves
    outputs = draw(st.lists(st.sampled_from(there), min_size=1, max_size=3, unique=True))
    return net.graph(inputs, tuple(outputs))


@st.composite
def random_images(draw: st.DrawFn) -> QuantGraph:
    """Two to five convolutions and joins of images of 4x4 pixels: kernels for cores need scratch."""
    net = NetworkBuilder()
    x = net.tensor("x", (1, 4, 4, 4))
    there = [x]
    for step in range(draw(st.integers(2, 5))):
        source, other = draw(st.sampled_from(there)), draw(st.sampled_from(there))
        depth = net.tensors[source].shape[3]
        if draw(st.booleans()):
            made = net.tensor(f"n{step}", (1, 4, 4, depth + net.tensors[other].shape[3]))
            net.node("CONCATENATION", (source, other), made, ConcatenationOptions(axis=3))
        else:
            channels, side = draw(st.sampled_from([1, 4, 8])), draw(st.sampled_from([1, 3]))
            shape = (channels, side, side, depth)
            scales = Quantization((0.0078125,) * channels, (0,) * channels)
            filters = net.constant(f"n{step}/filters", np.ones(shape, np.int8), scales)
            scales = Quantization((0.0078125 * 0.0625,) * channels, (0,) * channels)
            biases = net.constant(f"n{step}/biases", np.zeros(channels, np.int32), scales)
            made = net.tensor(f"n{step}", (1, 4, 4, channels))
            net.node("CONV_2D", (source, filters, biases), made, ConvOptions())
        there.append(made)
    outputs = draw(st.lists(st.sampled_from(there[1:]), min_size=1, max_size=3, unique=True))
    return net.graph((x,), tuple(outputs))


@settings(max_examples=60, deadline=None)
@given(graph=random_images())
def test_scratch_counts(graph: QuantGraph) -> None:
    goal = Goal("cortex-m4", "speed")
    peaks = [peak_bytes(replace(graph, nodes=nodes), goal) for nodes in all_orders(graph)]
    assert peak_bytes(reorder(graph, goal), goal) == min(peaks)


@settings(max_examples=60, deadline=None)
@given(graph=random_networks())
def test_no_order_of_random_networks_has_a_lower_peak(graph: QuantGraph) -> None:
    changed = reorder(graph, PORTABLE)
    peaks = [peak_bytes(replace(graph, nodes=nodes)) for nodes in all_orders(graph)]
    assert peak_bytes(changed) == min(peaks)
    assert changed is graph or peak_bytes(changed) < peak_bytes(graph)
    plan_memory(changed, PLANNERS["by_size"])
    rng = np.random.default_rng(0)
    given_arrays = [rng.integers(-128, 128, graph.tensors[i].shape, np.int8) for i in graph.inputs]
    before, after = (ReferenceModel(each).run(given_arrays) for each in (graph, changed))
    assert [a.tobytes() for a in before] == [a.tobytes() for a in after]


def uses(graph: QuantGraph, state: int) -> list[Node]:
    """The nodes that read or assign a variable, in running order."""
    return [node for node in graph.nodes if state in (*node.inputs, *node.outputs)]


def with_wide_work(is_x_used: bool) -> QuantGraph:
    """The old value of a variable of 64 bytes is added to x, behind other work, on 64 bytes x or y."""
    x, y, held, old = (activation((1, 64), 0.0625) for _ in range(4))
    state = variable(np.zeros((1, 64), np.int8), "state", per_tensor(0.0625))
    wide, end = activation((1, 640), 0.0625), activation((1, 8), 0.0625)
    source = x if is_x_used else y
    steps = [
        Step(READ, [state], [held]),
        Step(ASSIGN, [x], [state]),
        Step("CONCATENATION", [source] * 10, [wide], ConcatenationOptions(axis=1)),
        Step("SLICE", [wide, constant(ints(0, 0)), constant(ints(1, 8))], [end]),
        Step("ADD", [held, source], [old], ArithmeticOptions()),
    ]
    return network(steps, [x, source] if source is y else [x], [end, old])


def test_a_variable_is_read_behind_other_work_where_that_is_better() -> None:
    graph = with_wide_work(is_x_used=True)
    changed = reorder(graph, PORTABLE)
    assert peak_bytes(graph) == 64 + 64 + 64 + 640  # state, held, x, wide
    assert peak_bytes(changed) == 64 + 64 + 640
    assert [node.op for node in changed.nodes] == ["CONCATENATION", "SLICE", READ, ASSIGN, "ADD"]


def test_a_variable_is_not_assigned_before_it_is_read() -> None:
    """Assigned first and read last it would need neither x nor the held value beside the wide tensor."""
    graph = with_wide_work(is_x_used=False)
    assert peak_bytes(graph) == 64 + 64 + 64 + 640  # state, held, y, wide
    assert reorder(graph, PORTABLE) is graph


@st.composite
def networks_with_state(draw: st.DrawFn) -> QuantGraph:
    """Two to nine nodes: READ, ASSIGN and ADD on two variables, CONCATENATION and SLICE to make it matter."""
    x = activation((1, 8), 0.0625)
    states = [variable(np.full((1, 8), 3 * i, np.int8), f"state{i}", per_tensor(0.0625)) for i in range(2)]
    there, wide, steps = [x], [], []
    for _ in range(draw(st.integers(2, 9))):
        source, state = draw(st.sampled_from(there)), draw(st.sampled_from(states))
        kind = draw(st.sampled_from(["read", "assign", "add", "widen", "cut"]))
        if kind == "assign":
            steps.append(Step(ASSIGN, [source], [state]))
        elif kind == "widen":
            wide.append(activation((1, 40), 0.0625))
            steps.append(Step("CONCATENATION", [source] * 5, [wide[-1]], ConcatenationOptions(axis=1)))
        else:
            made = activation((1, 8), 0.0625)
            if kind == "read":
                steps.append(Step(READ, [state], [made]))
            elif kind == "cut" and wide:
                sizes = [constant(ints(0, 4)), constant(ints(1, 8))]
                steps.append(Step("SLICE", [draw(st.sampled_from(wide)), *sizes], [made]))
            else:
                second = draw(st.sampled_from(there))
                steps.append(Step("ADD", [source, second], [made], ArithmeticOptions()))
            there.append(made)
    ends = [tensor for tensor in (there[-1], *wide[-1:]) if tensor is not x]
    assigned = {id(step.outputs[0]) for step in steps if step.op == ASSIGN}
    steps += [Step(ASSIGN, [x], [state]) for state in states if id(state) not in assigned]
    return network(steps, [x], ends or [x])


@settings(max_examples=150, deadline=None)
@given(graph=networks_with_state())
def test_state_keeps_its_meaning(graph: QuantGraph) -> None:
    changed = reorder(graph, PORTABLE)
    plan_memory(changed, PLANNERS["by_size"])  # replays the state
    assert sorted(map(str, changed.nodes)) == sorted(map(str, graph.nodes))
    assert peak_bytes(changed) < peak_bytes(graph) or changed is graph
    for state in graph.variables:
        writes = [node.op == ASSIGN for node in uses(graph, state)]
        assert [node.op == ASSIGN for node in uses(changed, state)] == writes
    rng = np.random.default_rng(0)
    before, after = ReferenceModel(graph), ReferenceModel(changed)
    for _ in range(3):
        given_arrays = [rng.integers(-128, 128, (1, 8), np.int8)]
        wanted, made = before.run(given_arrays), after.run(given_arrays)
        assert [a.tobytes() for a in made] == [a.tobytes() for a in wanted]


@pytest.mark.parametrize("name", ["v1_alexa", "v1_hey_jarvis"])
def test_a_published_model_with_state_runs_on_in_its_new_order(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    require_module("ziglang")
    graph = read((shared_data / "tflite" / "micro_wake_word" / f"{name}.tflite").read_bytes())
    changed, plan = plan_reordered(graph, PLANNERS["exact"], PORTABLE)
    assert plan.arena_bytes < plan_memory(graph, PLANNERS["exact"], PORTABLE).arena_bytes
    files = generate(changed, plan, name=name, model_sha256="0" * 64).files
    for file, text in files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    host, reference, rng = HostModel(tmp_path, changed), ReferenceModel(graph), np.random.default_rng(0)
    for _ in range(4):
        arrays = [rng.integers(-128, 128, graph.tensors[i].shape, np.int8) for i in graph.inputs]
        made, wanted = host.run(arrays), reference.run(arrays)
        assert [a.tobytes() for a in made] == [a.tobytes() for a in wanted]
