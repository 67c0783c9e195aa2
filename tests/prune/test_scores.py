"""The one-shot criteria: exact values by hand, and properties over a family of networks."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support.keras_networks import NETWORKS, build

from edgeprune.errors import UsageError
from edgeprune.graph.check import check as check_graph
from edgeprune.graph.forward import forward
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.keras_in import from_keras
from edgeprune.prune.apply import apply
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.check import check_pruned
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.feature_maps import map_nodes
from edgeprune.prune.methods import METHODS
from edgeprune.prune.methods.base import Scores
from edgeprune.prune.methods.chip import independence
from edgeprune.prune.methods.fpgm import distances
from edgeprune.prune.methods.hrank import ranks
from edgeprune.prune.methods.lamp import lamp
from edgeprune.prune.plan import gather, plan

FAMILY = sorted(set(NETWORKS) - {"transposed"})  # that one is no classifier
ONE_SHOT = [
    name
    for name in METHODS.names
    if METHODS[name].score and not METHODS[name].guide and METHODS[name].structure == "channels"
]
# An average unit of each group has 1; the others compare groups by their scores as they are.
RELATIVE = {"apoz", "channel-lasso", "chip", "fpgm", "group-l2", "hrank", "l1", "l2", "thinet"}
OF_LAYERS = {"fpgm", "l1", "l2"}
DRAWN = {"random", "pfp-random", "pfp-mixed"}
OF_FAMILY = [name for name in ONE_SHOT if name != "bn-scale"]  # which wants normalisation everywhere
SCALED = ("concat", "depthwise", "residual", "sequential")  # some of their groups are normalised


@cache
def graph_of(name: str) -> Graph:
    return from_keras(build(name))


def evidence_for(graph: Graph, examples: int = 12, seed: int = 0) -> Evidence:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(examples, *graph.by_name[graph.inputs[0]].shape)).astype(np.float32)
    y = rng.integers(0, graph.by_name[graph.outputs[0]].shape[-1], examples)
    return gather(graph, np.random.default_rng(seed), examples=Examples(x, y))


@cache
def evidence_of(name: str) -> Evidence:
    return evidence_for(graph_of(name))


def score(method: str, evidence: Evidence, group: ChannelGroup) -> Scores:
    function = METHODS[method].score
    assert function is not None
    return function(evidence, group)


@pytest.mark.parametrize("method", OF_FAMILY)
@pytest.mark.parametrize("name", FAMILY)
def test_scores_of_a_family(name: str, method: str) -> None:
    evidence = evidence_of(name)
    for group in evidence.channels.groups:
        found = score(method, evidence, group)
        assert found.shape == (len(group.units),)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        if method in RELATIVE:
            # Where the layers of a group have filters outside of it, their means count those, too.
            assert found.mean() == pytest.approx(1.0, abs=0.25 if method in OF_LAYERS else 1e-6)


@pytest.mark.parametrize("method", OF_FAMILY)
@pytest.mark.parametrize("name", FAMILY)
def test_plans_of_a_family(name: str, method: str) -> None:
    evidence = evidence_of(name)
    made = plan(evidence, method=METHODS[method], speedup=1.2 if name == "frozen_kinds" else 1.5)
    smaller = apply(evidence.graph, made)
    check_graph(smaller)
    assert check_pruned(evidence.graph, smaller, made.removed, np.random.default_rng(2)) < 1e-9


@pytest.mark.parametrize("name", SCALED)
def test_scales_decide_where_all_groups_have_some(name: str) -> None:
    graph = graph_of(name)
    groups = gather(graph, np.random.default_rng(0))
    bare = [g for g in groups.channels.groups if not any(s.weight == "gamma" for s in groups.slices(g))]
    with pytest.raises(UsageError, match=bare[0].layers[0]):
        plan(groups, method=METHODS["bn-scale"], speedup=1.1)
    evidence = gather(graph, np.random.default_rng(0), keep=[layer for g in bare for layer in g.layers])
    made = plan(evidence, method=METHODS["bn-scale"], speedup=1.02)
    assert made.removed
    assert check_pruned(graph, apply(graph, made), made.removed, np.random.default_rng(2)) < 1e-9
    found = np.concatenate([score("bn-scale", evidence, group) for group in evidence.channels.groups])
    assert found.mean() == pytest.approx(1.0)


# A chain whose numbers are chosen: 1x1 convolution, normalisation, ReLU, flattened, dense.
def network(kernel: np.ndarray, last: np.ndarray, gamma: np.ndarray | None = None, rows: int = 1) -> Graph:
    inputs, filters = kernel.shape
    conv = {"filters": filters, "kernel_size": [1, 1], "use_bias": False}
    convolution = {"kernel": kernel.reshape(1, 1, inputs, filters).astype(np.float32)}
    shape = (rows, 1, filters)
    nodes = [
        Node("x", "InputLayer", (), (rows, 1, inputs), {}, {}, "x"),
        Node("conv", "Conv2D", ("x",), shape, conv, convolution, "conv"),
    ]
    if gamma is not None:
        ones, zeros = np.ones(filters, np.float32), np.zeros(filters, np.float32)
        norm = {
            "gamma": gamma.astype(np.float32),
            "beta": zeros,
            "moving_mean": zeros,
            "moving_variance": ones,
        }
        nodes.append(Node("norm", "BatchNormalization", ("conv",), shape, {}, norm, "norm"))
    dense = {"units": last.shape[1], "use_bias": False}
    nodes += [
        Node("relu", "ReLU", (nodes[-1].name,), shape, {}, {}, "relu"),
        Node("flat", "Flatten", ("relu",), (rows * filters,), {}, {}, "flat"),
        Node("y", "Dense", ("flat",), (last.shape[1],), dense, {"kernel": last.astype(np.float32)}, "y"),
    ]
    return Graph("chain", tuple(nodes), ("x",), ("y",))


def scores(method: str, graph: Graph, examples: Examples | None = None) -> list[float]:
    evidence = gather(graph, np.random.default_rng(0), examples=examples)
    (group,) = evidence.channels.groups
    return score(method, evidence, group).tolist()


def test_sum_of_distances() -> None:
    points = np.array([[0, 0], [3, 4], [6, 8]], np.float32)
    assert distances(points).tolist() == [15, 10, 15]
    assert scores("fpgm", network(points.T, np.ones((3, 2)))) == pytest.approx([1.125, 0.75, 1.125])


def test_lamp_by_hand() -> None:
    assert lamp(np.array([1.0, 4.0, 9.0])).tolist() == [1 / 14, 4 / 13, 1.0]
    assert lamp(np.array([9.0, 1.0, 4.0])).tolist() == [1.0, 1 / 14, 4 / 13]
    assert lamp(np.array([2.0, 2.0, 0.0])).tolist() == [0.5, 0.5, 0.0]
    assert lamp(np.zeros(2)).tolist() == [0, 0]
    assert scores("lamp", network(np.array([[1, 2, 3]]), np.zeros((3, 2)))) == [1 / 14, 4 / 13, 1.0]


def test_lamp_gives_each_layer_of_a_group_its_share() -> None:
    evidence = evidence_of("residual")
    for group in evidence.channels.groups:
        assert score("lamp", evidence, group).max() * len(group.layers) == 1.0
    assert max(len(group.layers) for group in evidence.channels.groups) > 1


def test_group_magnitude_by_hand() -> None:
    kernel = np.array([[1, 0, 2], [2, 1, 0]])
    last = np.array([[1, 1], [0, 0], [1, 0], [0, 1], [3, 0], [0, 0]])  # two positions of three units
    found = scores("group-l2", network(kernel, last, np.array([2, 3, -1]), rows=2))
    squares = np.array([5 + 4 + 2 + 1, 1 + 9 + 0 + 9, 4 + 1 + 1 + 0])
    assert found == pytest.approx(squares / squares.mean())


def test_scales_by_hand() -> None:
    found = scores("bn-scale", network(np.ones((1, 3)), np.ones((3, 2)), np.array([2, -3, 1])))
    assert found == pytest.approx([1.0, 1.5, 0.5])


def test_share_of_zeros_by_hand() -> None:
    x = np.array([[1, -1], [2, 3]], np.float32).reshape(2, 2, 1, 1)  # two examples, two positions
    kernel = np.array([[1, -1, 0]])  # alive at 3, 1 and 0 of 4
    found = scores("apoz", network(kernel, np.ones((6, 2)), rows=2), Examples(x, np.array([0, 1])))
    assert found == pytest.approx(np.array([3, 1, 0]) / (4 / 3))


def test_maps_are_read_before_positions_are_lost() -> None:
    evidence = evidence_of("sequential")
    kinds = [evidence.graph.by_name[map_nodes(evidence, g)[0]].kind for g in evidence.channels.groups]
    assert kinds == ["MaxPooling2D", "Conv2D", "Dense"]


def loss_of(graph: Graph, examples: Examples, after: object = None) -> np.ndarray:
    """Each example's cross entropy, in double precision; the network ends in a softmax."""
    probabilities = forward(graph, [examples.x], after)[graph.outputs[0]]  # type: ignore[arg-type]
    found: np.ndarray = -np.log(probabilities[np.arange(len(examples.y)), examples.y])
    return found


STEP = 1e-4  # central differences of losses about 1: errors of 1e-8 from the third order, 1e-12 from rounding


def test_taylor_is_the_derivative_by_a_factor_on_the_map() -> None:
    evidence = evidence_of("sequential")
    graph, examples = evidence.graph, evidence.examples
    for group in evidence.channels.groups[:2]:
        (name,) = map_nodes(evidence, group)
        places = np.prod(graph.by_name[name].shape[:-1])
        expected = []
        for unit in range(6):

            def scaled(factor: float, unit: int = unit, name: str = name) -> np.ndarray:
                factors = np.where(np.arange(graph.by_name[name].shape[-1]) == unit, factor, 1.0)
                return loss_of(graph, examples, lambda n, out: out * factors if n.name == name else out)

            slope = (scaled(1 + STEP) - scaled(1 - STEP)) / (2 * STEP)
            expected.append(np.mean(np.abs(slope / places)))
        found = score("taylor", evidence, group)
        assert np.mean(found**2) == pytest.approx(1.0)
        assert found[:6] / found[0] == pytest.approx(np.array(expected) / expected[0], rel=1e-3)


def test_taylor_of_weights_is_the_squared_derivative_by_a_factor_on_them() -> None:
    evidence = evidence_for(graph_of("sequential"), examples=40)  # mini-batches of 32 and 8
    graph, examples = evidence.graph, evidence.examples
    group = evidence.channels.groups[0]  # a convolution without bias, and its normalisation
    conv, norm = group.layers[0], next(n.layer for n in graph.nodes if n.kind == "BatchNormalization")
    owned = {(conv, "kernel"), (norm, "gamma"), (norm, "beta")}

    def scaled(unit: int, factor: float) -> np.ndarray:
        factors = np.where(np.arange(len(group.units)) == unit, factor, 1.0)
        nodes = []
        for node in graph.nodes:
            weights = {k: v * factors if (node.layer, k) in owned else v for k, v in node.weights.items()}
            nodes.append(replace(node, weights=weights))
        return loss_of(replace(graph, nodes=tuple(nodes)), examples)

    expected = []
    for unit in range(5):
        slope = (scaled(unit, 1 + STEP) - scaled(unit, 1 - STEP)) / (2 * STEP)
        expected.append(slope[:32].mean() ** 2 + slope[32:].mean() ** 2)
    found = score("taylor-weights", evidence, group)
    assert found[:5] / found[0] == pytest.approx(np.array(expected) / expected[0], rel=1e-3)
    everything = np.concatenate([score("taylor-weights", evidence, g) for g in evidence.channels.groups])
    assert everything.mean() == pytest.approx(1.0)


def test_taylor_of_zero_weights_is_zero() -> None:
    x = np.random.default_rng(0).normal(size=(8, 1, 1, 2)).astype(np.float32)
    graph = network(np.array([[1, 0, 1], [2, 0, -1]]), np.arange(6).reshape(3, 2))
    examples = Examples(x, np.arange(8) % 2)
    for method in ("taylor", "taylor-weights"):
        found = scores(method, graph, examples)
        assert found[1] == 0
        assert min(found[0], found[2]) > 0


def test_ranks_of_maps() -> None:
    rng = np.random.default_rng(0)
    known = [0, 1, 3, 4]
    maps = [rng.normal(size=(5, rank)) @ rng.normal(size=(rank, 4)) for rank in known]
    node = Node("a", "ReLU", (), (5, 4, 4), {}, {}, "a")
    assert ranks(np.reshape(maps, (4, 1, 20)), node)[:, 0].tolist() == known
    # One unit that owns all four channels, which are last in the order of its positions.
    assert ranks(np.stack(maps, axis=-1).reshape(1, 1, 80), node).tolist() == [[2.0]]


@pytest.mark.parametrize("shape", [(6, 20), (10, 4), (5, 5), (1, 3)])
def test_channel_independence_equals_the_plain_way(shape: tuple[int, int]) -> None:
    stack = np.random.default_rng(0).normal(size=shape)
    stack[0] = 0.5 * stack[-1]  # two dependent channels

    def norm(matrix: np.ndarray) -> float:
        return float(np.linalg.svd(matrix, compute_uv=False).sum())

    plain = [
        norm(stack) - norm(stack * (np.arange(len(stack)) != unit)[:, None]) for unit in range(len(stack))
    ]
    node = Node("a", "ReLU", (), (1, 1, 1), {}, {}, "a")
    found = independence(stack[:, None, :], node)[:, 0]
    # Eigenvalues that should be 0 are about 1e-16 of the largest, their roots 1e-8 of its root.
    assert found == pytest.approx(plain, abs=1e-6)


def test_orthogonal_channels_are_as_independent_as_they_are_long() -> None:
    node = Node("a", "ReLU", (), (1, 1, 1), {}, {}, "a")
    assert independence(np.diag([3.0, 1.0, 2.0])[:, None, :], node)[:, 0] == pytest.approx([3, 1, 2])


def small(order: np.ndarray | None = None) -> Graph:
    """A chain with normalisation and ReLU; its six filters in `order`."""
    rng = np.random.default_rng(3)
    order = np.arange(6) if order is None else order
    kernel, gamma = rng.normal(size=(4, 6)), rng.uniform(0.5, 1.5, 6)
    last = rng.normal(size=(3, 6, 3))
    return network(kernel[:, order], last[:, order].reshape(18, 3), gamma[order], rows=3)


def small_examples() -> Examples:
    rng = np.random.default_rng(4)
    return Examples(rng.normal(size=(20, 3, 1, 4)).astype(np.float32), rng.integers(0, 3, 20))


@cache
def small_scores(method: str) -> list[float]:
    return scores(method, small(), small_examples())


@pytest.mark.parametrize("method", [name for name in ONE_SHOT if name not in DRAWN])
def test_filters_in_another_order_have_the_same_scores(method: str) -> None:
    order = np.array([4, 2, 0, 5, 1, 3])
    found = scores(method, small(order), small_examples())
    # Single precision and, for the LASSO path, the tolerance of its solver.
    assert found == pytest.approx(np.array(small_scores(method))[order], rel=2e-3, abs=1e-5)
    assert method == "hrank" or len(set(found)) > 1


@pytest.mark.parametrize("method", ONE_SHOT)
def test_same_seed_same_scores(method: str) -> None:
    assert scores(method, small(), small_examples()) == small_scores(method)


@pytest.mark.parametrize("method", ONE_SHOT)
def test_the_table_says_who_needs_examples(method: str) -> None:
    if METHODS[method].needs_examples:
        with pytest.raises(UsageError, match="looks at examples"):
            scores(method, small())
    else:
        assert len(scores(method, small())) == 6
