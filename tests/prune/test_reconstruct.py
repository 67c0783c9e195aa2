"""Choosing channels by what the next layer loses, and fitting it again: against plain least squares."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from support.keras_networks import NETWORKS, build

from edgeprune.errors import UsageError
from edgeprune.graph.check import check as check_graph
from edgeprune.graph.forward import evaluate, forward
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.keras_in import from_keras
from edgeprune.graph.keras_out import to_keras
from edgeprune.prune.apply import apply
from edgeprune.prune.contributions import Contributions, by_unit, contributions
from edgeprune.prune.design_matrix import design, matrix, positions, sample_places, with_matrix
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.methods import METHODS
from edgeprune.prune.methods.channel_lasso import choose, lasso_path
from edgeprune.prune.methods.thinet import greedy_order
from edgeprune.prune.plan import PrunePlan, gather, plan
from edgeprune.prune.reconstruct import refit, rescale
from edgeprune.prune.stepwise import Stepwise

FAMILY = sorted(NETWORKS)
MAKERS = (
    "Conv1D",
    "Conv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "SeparableConv1D",
    "SeparableConv2D",
    "Dense",
)
REPAIRS = {"refit": refit, "rescale": rescale}


@cache
def graph_of(name: str) -> Graph:
    return from_keras(build(name))


def evidence_for(graph: Graph, examples: int = 24, seed: int = 0) -> Evidence:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(examples, *graph.by_name[graph.inputs[0]].shape)).astype(np.float32)
    return gather(graph, np.random.default_rng(seed), examples=Examples(x, np.zeros(examples, np.int64)))


def cut_by(method: str, evidence: Evidence, speedup: float = 1.5) -> tuple[PrunePlan, Graph]:
    made = plan(evidence, method=METHODS[method], speedup=speedup)
    return made, apply(evidence.graph, made)


def speedup_for(name: str) -> float:
    return 1.2 if name == "frozen_kinds" else 1.5


@pytest.mark.parametrize("name", FAMILY)
def test_every_layer_is_its_matrix_times_what_it_reads(name: str) -> None:
    graph = graph_of(name)
    x = np.random.default_rng(0).normal(size=(2, *graph.by_name[graph.inputs[0]].shape))
    values = forward(graph, [x])
    for node in graph.nodes:
        if node.kind in MAKERS:
            source = values[node.inputs[0]]
            linear = replace(node, config={**node.config, "activation": "linear"})
            expected = evaluate(linear, [source]).reshape(-1, node.shape[-1])
            places = np.tile(np.arange(positions(node)), (2, 1))
            found = design(node, source, places) @ matrix(node) + node.weights.get("bias", 0)
            assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
            same = with_matrix(node, matrix(node), node.weights.get("bias"))
            assert all((same.weights[key] == node.weights[key]).all() for key in node.weights)


def test_places_are_different_ones_within_the_output() -> None:
    node = graph_of("sequential").nodes[1]
    places = sample_places(node, 5, 10, np.random.default_rng(0))
    assert places.shape == (5, 10)
    assert all(len(set(row)) == 10 for row in places.tolist())
    assert places.min() >= 0 and 100 < places.max() < positions(node) == 144
    assert len({tuple(row) for row in places.tolist()}) == 5
    dense = next(node for node in graph_of("sequential").nodes if node.kind == "Dense")
    assert sample_places(dense, 3, 10, np.random.default_rng(0)).tolist() == [[0]] * 3


@pytest.mark.parametrize("name", FAMILY)
def test_node_by_node_is_the_same_as_at_once(name: str) -> None:
    graph = graph_of(name)
    x = np.random.default_rng(0).normal(size=(40, *graph.by_name[graph.inputs[0]].shape)).astype(np.float32)
    expected = forward(graph, [x])
    run = Stepwise(graph, x)
    for node in graph.nodes:
        if node.inputs:
            wanted = expected[node.inputs[0]]
            # Kept in single precision: 2^-24 of each value, through a dozen layers.
            assert np.abs(run.input(node) - wanted).max() <= 1e-5 * np.abs(wanted).max()
        run.run(node)


def test_two_inputs_are_refused() -> None:
    graph = graph_of("sequential")
    with pytest.raises(UsageError, match="2 inputs"):
        Stepwise(replace(graph, inputs=("a", "b")), np.zeros((1, 12, 12, 3), np.float32))


def test_moments_of_contributions_by_hand() -> None:
    """Two units, the first read at two places of the matrix; NOBODY's row counts for none."""
    owners = np.array([1, 0, -1, 0])
    values = np.array([[2.0, 1.0], [1.0, 0.0], [5.0, 5.0], [0.0, -1.0]])
    reads = np.array([[1.0, 2.0, 7.0, 3.0], [0.0, -1.0, 7.0, 1.0]])
    parts = np.array([[read[owners == unit] @ values[owners == unit] for unit in (0, 1)] for read in reads])
    expected = np.einsum("suo,svo->uv", parts, parts)
    assert by_unit((reads.T @ reads) * (values @ values.T), owners, 2) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["concat", "depthwise", "flatten", "residual", "separable"])
def test_moments_of_a_network_are_what_its_readers_lose(name: str) -> None:
    """Without a unit, the squared change of every reader's output is its moment; all places are sampled."""
    evidence = evidence_for(graph_of(name), examples=3)
    graph, x = evidence.graph, evidence.examples.x
    values = forward(graph, [x])
    for group in evidence.channels.groups:
        total = np.zeros(len(group.units))
        for node in evidence.consumers(group):
            linear = replace(node, config={**node.config, "activation": "linear"})
            before = evaluate(linear, [values[node.inputs[0]]])
            first = evidence.first_unit(group)
            labels = evidence.channels.labels[node.inputs[0]]
            source = values[node.inputs[0]]
            changes = [
                np.square(before - evaluate(linear, [np.where(labels == first + u, 0.0, source)])).sum()
                for u in range(len(group.units))
            ]
            total += np.array(changes) / np.sum(changes)
        assert np.diag(all_places(evidence, group.name)) == pytest.approx(total, rel=1e-4)


def all_places(evidence: Evidence, group: str) -> np.ndarray:
    import edgeprune.prune.contributions as module

    kept = module.PLACES
    try:
        module.PLACES = 10**9  # type: ignore[misc]
        found = next(g for g in evidence.channels.groups if g.name == group)
        return contributions(evidence, found).moments
    finally:
        module.PLACES = kept  # type: ignore[misc]


def random_moments(units: int, seed: int) -> np.ndarray:
    parts = np.random.default_rng(seed).normal(size=(30, units))
    found: np.ndarray = parts.T @ parts
    return found


@pytest.mark.parametrize("seed", range(5))
def test_thinet_takes_the_best_next_unit(seed: int) -> None:
    moments = random_moments(6, seed)

    def error(gone: list[int]) -> float:
        return float(moments[np.ix_(gone, gone)].sum())

    order = greedy_order(moments).tolist()
    assert sorted(order) == list(range(6))
    for count in range(6):
        tried = {unit: error([*order[:count], unit]) for unit in set(range(6)) - set(order[:count])}
        assert min(tried, key=tried.__getitem__) == order[count]
    assert error(order[:1]) == pytest.approx(min(error(list(gone)) for gone in combinations(range(6), 1)))


def test_thinet_finds_what_cancels() -> None:
    """Two large contributions that cancel go together before two small ones that add up."""
    parts = np.random.default_rng(0).normal(size=50)
    columns = np.stack([3 * parts, -3 * parts + 0.01, 4 * parts[::-1], 4 * parts[::-1]], axis=1)
    assert sorted(greedy_order(columns.T @ columns)[:2].tolist()) == [0, 1]


def test_lasso_keeps_the_units_that_the_outputs_are_made_of() -> None:
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(200, 6)) * np.array([1.0, 0.01, 1.0, 0.02, 1.0, 0.0])
    found = Contributions(parts.T @ parts, np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]))
    path = lasso_path(found)
    assert choose(path, 3, np.ones(6)).tolist() == [0, 2, 4]
    assert not path[0].any()
    assert (path[:, 5] == 0).all()


def test_lasso_equals_its_optimality_conditions() -> None:
    """At each penalty: |gradient| is the penalty where a factor is not zero, and at most that elsewhere."""
    moments = random_moments(5, 1)
    norms = np.array([1.0, 2.0, 0.5, 1.0, 1.5])
    path = lasso_path(Contributions(moments, norms**2))
    scaled = moments / np.outer(norms, norms)
    for factors in path[5::10]:
        gradient = scaled @ (norms - factors)
        penalty = np.abs(gradient).max()
        assert np.abs(gradient[factors != 0]) == pytest.approx(penalty, rel=1e-2)
        assert (np.sign(gradient) == np.sign(factors))[factors != 0].all()


def test_a_choice_is_filled_up_with_those_that_come_in_next() -> None:
    factors = np.array([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0.5, 1, 0, 2, 0], [0, 1, 1, 2, 0]])
    scores = np.array([1.0, 5.0, 2.0, 3.0, 9.0])
    assert [choose(factors, kept, scores).tolist() for kept in range(1, 6)] == [
        [1],
        [1, 3],  # of the two that come in together the one with the better score
        [0, 1, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4],
    ]


def test_a_choice_may_drop_units_that_came_in_before() -> None:
    factors = np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    assert choose(factors, 2, np.ones(5)).tolist() == [0, 1]
    assert choose(factors, 3, np.ones(5)).tolist() == [2, 3, 4]


def error_of(evidence: Evidence, made: PrunePlan, cut: Graph, node_name: str) -> float:
    """Mean square of what a node's output, before the activation, differs by from the whole network's."""
    flags = [np.isin(np.arange(len(g.group.units)), g.stay) for g in made.groups]
    stays = np.concatenate([*flags, [True]])
    labels = evidence.channels.labels[node_name]
    kept = stays[labels[(0,) * (labels.ndim - 1)]]

    def output(graph: Graph) -> np.ndarray:
        node = graph.by_name[node_name]
        linear = replace(node, config={**node.config, "activation": "linear"})
        values = forward(graph, [evidence.examples.x])
        return evaluate(linear, [values[name] for name in node.inputs])

    return float(np.square(output(evidence.graph)[..., kept] - output(cut)).mean())


def readers(evidence: Evidence, cut: Graph) -> list[Node]:
    """The layers that lost inputs and are called once, in the order of the graph."""
    layers = [node.layer for node in cut.nodes]
    return [
        old
        for old, new in zip(evidence.graph.nodes, cut.nodes, strict=True)
        if new.kind in MAKERS and len(matrix(new)) < len(matrix(old)) and layers.count(new.layer) == 1
    ]


@pytest.mark.parametrize("repair", sorted(REPAIRS))
@pytest.mark.parametrize("name", FAMILY)
def test_repaired_layers_come_nearer_to_the_whole_network(name: str, repair: str) -> None:
    evidence = evidence_for(graph_of(name), examples=40)
    made, cut = cut_by("l1", evidence, speedup_for(name))
    repaired = REPAIRS[repair](evidence, made, cut)
    check_graph(repaired)
    lost = readers(evidence, cut)
    assert lost
    changed = {
        new.layer
        for old, new in zip(cut.nodes, repaired.nodes, strict=True)
        if any((old.weights[key] != new.weights[key]).any() for key in old.weights)
    }
    assert changed == {node.layer for node in lost}
    first = lost[0].name  # reads what nobody repaired, so nothing else changes its error
    # Fitted at sampled places: those left out may come out a little worse.
    assert error_of(evidence, made, repaired, first) < 1.05 * error_of(evidence, made, cut, first)
    total = [sum(error_of(evidence, made, g, node.name) for node in lost) for g in (repaired, cut)]
    assert total[0] < total[1]


@pytest.mark.parametrize("name", FAMILY)
def test_channels_made_twice_can_go_without_loss(name: str) -> None:
    """Every other unit a copy of the one before: half of them go, and least squares brings all back."""
    graph = doubled(graph_of(name))
    evidence = evidence_for(graph, examples=60)
    kept = tuple(np.arange(0, len(group.units), 2) for group in evidence.channels.groups)
    made = Kept(evidence, kept)
    repaired = refit(evidence, made, apply(graph, made))
    x = evidence.examples.x
    before, after = (forward(g, [x])[g.outputs[0]] for g in (graph, repaired))
    plain = forward(apply(graph, made), [x])[graph.outputs[0]]
    if name == "shared":  # a layer called twice keeps its weights
        return
    assert np.abs(after - before).max() < 0.1 * np.abs(plain - before).max()


class Kept:
    """The parts of a plan that surgery and repair read."""

    def __init__(self, evidence: Evidence, kept: tuple[np.ndarray, ...]) -> None:
        self.kept = kept
        self.removed: dict[str, list[int]] = {}
        for group, stay in zip(evidence.channels.groups, kept, strict=True):
            for unit in sorted(set(range(len(group.units))) - set(stay.tolist())):
                for channel in group.units[unit]:
                    self.removed.setdefault(channel.layer, []).append(channel.index)


def doubled(graph: Graph) -> Graph:
    """`graph` with each odd unit's filters, biases and normalisation those of the unit before it."""
    evidence = gather(graph, np.random.default_rng(0))
    weights = {(node.layer, key): array.copy() for node in graph.nodes for key, array in node.weights.items()}
    for group in evidence.channels.groups:
        for part in evidence.slices(group):
            if part.side == "out":
                values = np.moveaxis(weights[part.node.layer, part.weight], part.axis, 0)
                for unit in range(1, len(group.units), 2):
                    values[part.units == unit] = values[part.units == unit - 1]
    nodes = [replace(n, weights={key: weights[n.layer, key] for key in n.weights}) for n in graph.nodes]
    return replace(graph, nodes=tuple(nodes))


def chain(filters: int, seed: int = 0, has_bias: bool = True) -> Graph:
    """1x1 convolution, ReLU, 1x1 convolution: what least squares can be written down for."""
    rng = np.random.default_rng(seed)

    def conv(name: str, source: str, inputs: int, outputs: int) -> Node:
        config = {"filters": outputs, "kernel_size": [1, 1], "use_bias": has_bias}
        weights = {"kernel": rng.normal(size=(1, 1, inputs, outputs)).astype(np.float32)}
        if has_bias:
            weights["bias"] = rng.normal(size=outputs).astype(np.float32)
        return Node(name, "Conv2D", (source,), (2, 2, outputs), config, weights, name)

    nodes = (
        Node("x", "InputLayer", (), (2, 2, 3), {}, {}, "x"),
        conv("one", "x", 3, filters),
        Node("relu", "ReLU", ("one",), (2, 2, filters), {}, {}, "relu"),
        conv("two", "relu", filters, 4),
    )
    return Graph("chain", nodes, ("x",), ("two",))


@pytest.mark.parametrize("has_bias", [True, False])
def test_refit_is_least_squares(has_bias: bool) -> None:
    evidence = evidence_for(chain(6, has_bias=has_bias), examples=30)
    made = Kept(evidence, (np.array([0, 2, 3]),))
    repaired = refit(evidence, made, apply(evidence.graph, made))
    values = forward(evidence.graph, [evidence.examples.x])
    read = values["relu"].reshape(-1, 6)[:, [0, 2, 3]]
    if has_bias:
        read = np.column_stack([read, np.ones(len(read))])
    best = np.linalg.lstsq(read, values["two"].reshape(-1, 4), rcond=None)[0]
    node = repaired.by_name["two"]
    # The ridge of 1e-4 moves the solution by about as much.
    assert node.weights["kernel"][0, 0] == pytest.approx(best[:3], abs=5e-3)
    if has_bias:
        assert node.weights["bias"] == pytest.approx(best[3], abs=5e-3)


def test_groups_of_a_convolution_are_fitted_each_for_itself() -> None:
    graph = chain(8)
    nodes = list(graph.nodes)
    last = nodes[3]
    weights = {**last.weights, "kernel": last.weights["kernel"][:, :, :4]}  # two groups of four inputs
    nodes[3] = replace(last, config={**last.config, "groups": 2}, weights=weights)
    evidence = evidence_for(replace(graph, nodes=tuple(nodes)), examples=60)
    made = Kept(evidence, (np.array([0, 3]),))  # a unit is a place in both groups
    repaired = refit(evidence, made, apply(evidence.graph, made)).by_name["two"].weights
    values = forward(evidence.graph, [evidence.examples.x])
    for group, inputs in enumerate(([0, 3], [4, 7])):
        read = values["relu"].reshape(-1, 8)[:, inputs]
        outputs = slice(2 * group, 2 * group + 2)
        wanted = values["two"].reshape(-1, 4)[:, outputs]
        best = np.linalg.lstsq(np.column_stack([read, np.ones(len(read))]), wanted, rcond=None)[0]
        assert repaired["kernel"][0, 0, :, outputs] == pytest.approx(best[:2], abs=5e-3)
        assert repaired["bias"][outputs] == pytest.approx(best[2], abs=5e-3)


def test_rescale_is_least_squares_with_one_factor_per_channel() -> None:
    evidence = evidence_for(chain(6), examples=30)
    made = Kept(evidence, (np.array([1, 4, 5]),))
    repaired = rescale(evidence, made, apply(evidence.graph, made))
    values = forward(evidence.graph, [evidence.examples.x])
    read, kernel = (
        values["relu"].reshape(-1, 6)[:, [1, 4, 5]],
        matrix(evidence.graph.by_name["two"])[[1, 4, 5]],
    )
    parts = (read[:, :, None] * kernel[None]).transpose(0, 2, 1).reshape(-1, 3)
    wanted = (values["two"] - evidence.graph.by_name["two"].weights["bias"]).reshape(-1)
    best = np.linalg.lstsq(parts, wanted, rcond=None)[0]
    found = repaired.by_name["two"].weights
    assert found["kernel"][0, 0] == pytest.approx(kernel * best[:, None], abs=5e-3)
    assert (found["bias"] == evidence.graph.by_name["two"].weights["bias"]).all()


def test_a_factor_is_for_a_channel_at_all_its_places() -> None:
    """Behind a flattening, a unit is read at many rows of the matrix, which get the same factor."""
    evidence = evidence_for(graph_of("flatten"), examples=40)
    made, cut = cut_by("l1", evidence)
    repaired = rescale(evidence, made, cut)
    node = readers(evidence, cut)[0]
    old, new = (matrix(g.by_name[node.name]) for g in (cut, repaired))
    factors = (new / old).mean(axis=1).reshape(-1, cut.by_name[node.inputs[0]].shape[-1])
    units = len(made.groups[0].stay)
    by_place = factors.reshape(-1, units)
    assert by_place == pytest.approx(np.tile(by_place[0], (len(by_place), 1)), rel=1e-4)
    assert np.ptp(by_place[0]) > 1e-3


def test_dead_channels_leave_the_weights_as_they_are() -> None:
    graph = chain(4)
    nodes = list(graph.nodes)
    dead = {"kernel": nodes[1].weights["kernel"] * 0, "bias": np.full(4, -1, np.float32)}
    nodes[1] = replace(nodes[1], weights=dead)
    evidence = evidence_for(replace(graph, nodes=tuple(nodes)))
    made = Kept(evidence, (np.array([0, 1]),))
    cut = apply(evidence.graph, made)
    assert (
        rescale(evidence, made, cut).by_name["two"].weights["kernel"] == cut.by_name["two"].weights["kernel"]
    ).all()
    for method in ("thinet", "channel-lasso"):
        made_by_method = plan(evidence, method=METHODS[method], speedup=1.4)
        assert made_by_method.kept[0].tolist() == [2, 3]  # of equals the first go


@pytest.mark.parametrize("method", ["thinet", "channel-lasso"])
def test_choosing_by_the_next_layer_beats_chance(method: str) -> None:
    evidence = evidence_for(chain(12), examples=60)
    errors: dict[str, list[float]] = {method: [], "random": []}
    for name, found in errors.items():
        for seed in range(1 if name == method else 9):
            evidence.rng = np.random.default_rng(seed)
            made, cut = cut_by(name, evidence, 1.8)
            repair: Callable[..., Graph] | None = METHODS[method].repair
            assert repair is not None
            found.append(error_of(evidence, made, repair(evidence, made, cut), "two"))
    assert errors[method][0] < np.median(errors["random"])


@pytest.mark.parametrize("method", ["thinet", "channel-lasso"])
def test_same_seed_same_network(method: str) -> None:
    def made() -> Graph:
        evidence = evidence_for(graph_of("residual"), seed=7)
        planned, cut = cut_by(method, evidence)
        repair = METHODS[method].repair
        assert repair is not None
        return repair(evidence, planned, cut)

    for one, other in zip(made().nodes, made().nodes, strict=True):
        assert all((one.weights[key] == other.weights[key]).all() for key in one.weights)


def test_keras_takes_the_repaired_network() -> None:
    evidence = evidence_for(graph_of("residual"))
    made, cut = cut_by("channel-lasso", evidence)
    repaired = refit(evidence, made, cut)
    x = evidence.examples.x[:2]
    expected = forward(repaired, [x])[repaired.outputs[0]]
    assert to_keras(repaired).predict(x, verbose=0) == pytest.approx(expected, rel=1e-3, abs=1e-4)
