"""Provable filter pruning: the vectors and invariants of ALGORITHMS section 2, and the cut networks."""

import itertools
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from support.keras_networks import NETWORKS, build

from edgeprune.errors import UsageError
from edgeprune.graph.check import check as check_graph
from edgeprune.graph.forward import evaluate, forward
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.keras_in import from_keras
from edgeprune.prune.allocate import ALLOCATIONS
from edgeprune.prune.apply import apply
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.methods import METHODS
from edgeprune.prune.pfp import bound, select
from edgeprune.prune.pfp.select import factors_of
from edgeprune.prune.pfp.sensitivity import (
    Reduce,
    readers,
    sample,
    sample_size,
    sensitivities,
    sensitivity,
    unit_sensitivities,
)
from edgeprune.prune.pfp.unfold import unfold
from edgeprune.prune.plan import PrunePlan, gather, plan

Array = np.ndarray[Any, Any]
REDUCES: tuple[Reduce, ...] = ("max", "sum")
VARIANTS = ("pfp", "pfp-random", "pfp-mixed")
EXAMPLES = 12
Q = np.array([0.5, 0.25, 0.125, 0.125])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def graph_of(name: str) -> Graph:
    return from_keras(grouped() if name == "grouped" else build(name))


def grouped() -> Any:
    """A convolution in three groups, read by and reading plain ones."""
    import keras

    layers = keras.layers
    x = source = keras.Input((12, 12, 3))
    x = layers.Conv2D(12, 1, activation="relu")(x)
    x = layers.Conv2D(18, 3, strides=2, padding="same", groups=3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    model = keras.Model(source, layers.Dense(4)(x))
    for variable in model.weights:
        variable.assign(rng(len(variable.path)).uniform(-0.5, 0.5, tuple(variable.shape)))
    return model


def evidence_of(graph: Graph, x: Array | None = None, seed: int = 0) -> Evidence:
    if x is None:
        x = rng(5).normal(size=(EXAMPLES, *graph.by_name[graph.inputs[0]].shape))
    return gather(graph, rng(seed), examples=Examples(x.astype(np.float32), np.zeros(len(x), np.int64)))


# ---- 2.2: sensitivity


def linear(weights: Array, x: Array) -> list[float]:
    """s of a dense layer, weights (outputs, inputs), x (examples, inputs)."""
    return sensitivity(np.transpose(x), np.transpose(weights), np.arange(x.shape[1]), x.shape[1]).tolist()


def test_sensitivity_of_a_linear_layer() -> None:
    weights = np.array([[1, -2, 0.5], [-1, 1, 1]])
    assert linear(weights, np.array([[1.0, 2, 3]])) == pytest.approx([1, 1, 0.6])
    assert linear(weights, np.array([[1.0, -2, 3]])) == pytest.approx([1, 1, 1])


def shares_by_definition(columns: Array, kernel: Array, owners: Array, count: int, reduce: Reduce) -> Array:
    """One loop for each index of ALGORITHMS 2.2."""
    found = np.zeros(count)
    batches = [columns]
    if columns.min() < 0:
        batches = [np.where(columns > 0, columns, 0), np.where(columns < 0, -columns, 0)]
    for batch, sign, output in itertools.product(batches, (1, -1), range(kernel.shape[1])):
        for column in batch.T:
            terms = [max(sign * w, 0) * a for w, a in zip(kernel[:, output], column, strict=True)]
            if sum(terms) <= 1.19e-7:
                continue
            for channel in range(count):
                mine = [t / sum(terms) for t, owner in zip(terms, owners, strict=True) if owner == channel]
                found[channel] = max(found[channel], max(mine) if reduce == "max" else sum(mine))
    return found


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_sensitivity_is_its_definition(reduce: Reduce, shift: float) -> None:
    columns, kernel = rng(1).normal(shift, 1, (12, 7)), rng(2).normal(size=(12, 5))
    owners = np.tile(np.arange(4), 3)
    expected = shares_by_definition(columns, kernel, owners, 4, reduce)
    # Single precision: 2^-24 for each of a dozen terms of one sign, that do not cancel.
    assert sensitivity(columns, kernel, owners, 4, reduce) == pytest.approx(expected, rel=3e-6)


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("seed", range(5))
def test_sensitivity_lies_between_its_bounds(reduce: Reduce, seed: int) -> None:
    channels, window = 6, 9
    columns = np.abs(rng(seed).normal(size=(channels * window, 20)))
    kernel, owners = rng(seed + 50).normal(size=(channels * window, 3)), np.tile(np.arange(channels), window)
    found = sensitivity(columns, kernel, owners, channels, reduce)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (1 if reduce == "sum" else 1 / window) - 1e-6 <= found.sum() <= channels
    if reduce == "sum":
        assert (found >= sensitivity(columns, kernel, owners, channels, "max")).all()


def test_equal_positions_count_once_under_max_and_together_under_sum() -> None:
    columns, kernel, owners = np.ones((9, 1)), np.ones((9, 2)), np.zeros(9, np.int64)
    assert sensitivity(columns, kernel, owners, 1, "max") == pytest.approx([1 / 9])
    assert sensitivity(columns, kernel, owners, 1, "sum") == pytest.approx([1.0])


@pytest.mark.parametrize("reduce", REDUCES)
def test_sensitivity_ignores_scale_follows_order_and_grows_with_examples(reduce: Reduce) -> None:
    columns, kernel = rng(3).uniform(0.1, 1, (20, 30)), rng(4).normal(size=(20, 4))
    owners = np.tile(np.arange(5), 4)
    found = sensitivity(columns, kernel, owners, 5, reduce)
    assert found.max() < 1
    scaled = kernel * np.array([8.0, 1, 1, 1])
    assert sensitivity(16 * columns, scaled, owners, 5, reduce) == pytest.approx(found, rel=1e-6)
    order = rng(6).permutation(5)
    assert sensitivity(columns, kernel, order[owners], 5, reduce)[order] == pytest.approx(found)
    fewer = sensitivity(columns[:, :10], kernel, owners, 5, reduce)
    assert (fewer <= found).all()
    assert (fewer < found).any()


@pytest.mark.parametrize("reduce", REDUCES)
def test_silent_channels_and_tiny_sums_have_no_share(reduce: Reduce) -> None:
    columns = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    assert sensitivity(columns, np.ones((3, 2)), np.arange(3), 3, reduce)[1] == 0
    assert sensitivity(columns * 1e-9, np.ones((3, 2)), np.arange(3), 3, reduce).tolist() == [0, 0, 0]


def test_sample_size_of_resnet20() -> None:
    stages = [((32, 32, 16), 7), ((16, 16, 32), 6), ((8, 8, 64), 6), ((10,), 1)]
    nodes = [
        Node(f"n{i}", "Conv2D" if len(shape) == 3 else "Dense", (), shape, {}, {}, f"n{i}")
        for i, shape in enumerate(shape for shape, count in stages for _ in range(count))
    ]
    assert sample_size(Graph("resnet20", tuple(nodes), (), ())) == 183


def test_the_sample_is_at_most_half_and_leaves_the_rest_to_the_check() -> None:
    found = sample(evidence_of(graph_of("sequential")))
    assert len(found.used) == EXAMPLES // 2
    assert sorted([*found.used, *found.held_out]) == list(range(EXAMPLES))
    with pytest.raises(UsageError, match="at least 2 examples, has 1"):
        sample(evidence_of(graph_of("sequential"), np.zeros((1, 12, 12, 3))))


@pytest.mark.parametrize("name", [*sorted(NETWORKS), "grouped"])
def test_unfolded_layers_are_the_layers(name: str) -> None:
    """Every kind of layer that reads channels, as the product that its shares are taken of."""
    graph = graph_of(name)
    x = rng(1).normal(size=(3, *graph.by_name[graph.inputs[0]].shape))
    values = forward(graph, [x])
    for node in itertools.chain(*readers(evidence_of(graph)).values()):
        parts = unfold(node, values[node.inputs[0]])
        weights = {name: w for name, w in node.weights.items() if name != "bias"}
        plain = Node(node.name, node.kind, node.inputs, node.shape, {**node.config}, weights, node.layer)
        object.__setattr__(plain, "config", {**node.config, "activation": "linear"})
        expected = evaluate(plain, [values[node.inputs[0]]])
        found = (parts.kernel.T.astype(np.float64) @ parts.columns).T.reshape(expected.shape)
        # Inputs are rounded to single precision, 2^-24 of each term; some hundred terms, partly cancelling.
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max(), node.name


@pytest.mark.parametrize("reduce", REDUCES)
def test_sensitivities_of_a_network(reduce: Reduce) -> None:
    """A convolution that strides and pads, read patch by patch in plain loops."""
    graph = graph_of("sequential")
    evidence = evidence_of(graph)
    node = next(n for n in graph.nodes if n.kind == "Conv2D" and n.shape[-1] == 24)
    x = evidence.examples.x[sample(evidence).used][:2]
    evidence = evidence_of(graph, np.repeat(x, 2, axis=0))  # of these the first and third are used
    inside = forward(graph, [x])[node.inputs[0]]
    padded = np.pad(inside, ((0, 0), (0, 1), (0, 1), (0, 0)))  # 6 rows, stride 2, window 3: one behind
    patches = [
        padded[n, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].ravel()
        for n in (0, 1)
        for r in range(3)
        for c in range(3)
    ]
    kernel = node.weights["kernel"].reshape(-1, 24)
    expected = shares_by_definition(np.array(patches).T, kernel, np.tile(np.arange(16), 9), 16, reduce)
    found = sensitivities(evidence, reduce)[node.layer]
    assert found.values == pytest.approx(expected, rel=1e-4)  # two networks, in single and double precision
    assert (found.patches, found.window) == (9, 9)
    assert found.channels.tolist() == list(range(16))


# ---- 2.3: the bound


def test_draws_of_the_bound() -> None:
    one = bound.difficulty(1.0, 1, 1)
    assert one == pytest.approx(237.6837, abs=5e-5)
    assert [bound.draws(eps, one) for eps in (1, 0.1, 1000, 1e6)] == [5705, 442_092, 2, 1]
    assert bound.draws(1, bound.difficulty(4.0, 1024, 9)) == 27_678
    assert bound.draws(1e-300, one) == bound.draws(0.0, one) == math.inf
    assert bound.draws(1e150, one) == 1


def test_from_where_on_one_draw_is_enough() -> None:
    one = bound.difficulty(1.0, 1, 1)
    end = bound.vacuous_from(one)
    assert bound.draws(1.001 * end, one) == 1
    assert bound.draws(0.999 * end, one) == 2


def test_expected_unique() -> None:
    found = [bound.expected_unique(Q, draws) for draws in (1, 2, 3, 4, 8)]
    assert found == pytest.approx([1, 1.65625, 2.11328125, 2.44873047, 3.20876300], abs=5e-9)
    assert [bound.channels_kept(Q, draws) for draws in (1, 2, 3, 4, 8)] == [1, 2, 3, 3, 4]
    assert bound.expected_unique(np.array([1.0, 0.0]), math.inf) == 1


def test_expected_unique_is_what_draws_hit() -> None:
    counts = rng(1).multinomial(5, Q, size=20_000)
    hit = np.count_nonzero(counts, axis=1)
    assert abs(hit.mean() - bound.expected_unique(Q, 5)) < 4 * hit.std() / math.sqrt(len(hit))


def test_kept_channels_fall_with_eps_and_leave_out_the_silent() -> None:
    q = bound.probabilities(np.array([0.9, 0.5, 0.1, 1e-9, 0.0]))
    assert q[3:].tolist() == [0, 0]
    grid = np.geomspace(1e-3, 1e5, 200)
    kept = [bound.channels_kept(q, bound.draws(eps, bound.difficulty(1.5, 64, 9))) for eps in grid]
    assert kept[0] == 3
    assert kept[-1] == 1
    assert all(one >= other for one, other in itertools.pairwise(kept))


def test_no_sensitivity_is_no_probability() -> None:
    assert bound.probabilities(np.zeros(3)).tolist() == [0, 0, 0]
    assert bound.channels_kept(np.zeros(3), 7) == 1


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_draws_for_a_number_of_distinct_channels(distinct: int) -> None:
    draws = bound.draws_for(Q, distinct)
    assert bound.expected_unique(Q, draws) >= distinct
    assert draws == 1 or bound.expected_unique(Q, draws - 1) < distinct


# ---- 2.4: selection


def test_reweighted_draws_are_unbiased_and_add_up() -> None:
    weights, a = rng(1).normal(size=(3, 5)), rng(2).uniform(0.5, 1.5, 5)
    q = bound.probabilities(np.array([1.0, 0.7, 0.4, 0.2, 0.1]))
    counts = np.array([select.draw(q, 6, generator) for generator in [rng(3)] for _ in range(20_000)])
    assert (counts.sum(axis=1) == 6).all()
    outputs = np.array([weights @ (select.factors(q, 6, c) * a) for c in counts])
    error = np.abs(outputs.mean(axis=0) - weights @ a)
    assert (error < 4 * outputs.std(axis=0) / math.sqrt(len(outputs))).all()


@pytest.mark.parametrize("k", [1, 3, 6, 9])
@pytest.mark.parametrize("choose", [select.randomised, select.mixed])
def test_selections_keep_exactly_k(choose: select.Choice, k: int) -> None:
    s = rng(7).uniform(0.01, 1, 10)
    for seed in range(30):
        found = choose(s, k, rng(seed))
        assert len(set(found.kept.tolist())) == len(found.kept) == len(found.factors) == k
        assert (np.diff(found.kept) > 0).all()
        assert (found.factors > 0).all()


def test_factors_of_exactly_k_channels_are_counts_over_expected_counts() -> None:
    s = np.array([4.0, 3.0, 2.0, 1.0, 1.0, 1.0])
    q = bound.probabilities(s)
    draws = bound.draws_for(q, 3)
    found = select.randomised(s, 3, rng(1))
    counts = found.factors * draws * q[found.kept]
    assert counts == pytest.approx(np.round(counts))
    assert counts.sum() == pytest.approx(draws)


def test_exactly_k_channels_cost_little_bias() -> None:
    """The expected factor of a channel, over draws that are repeated until k are distinct; 1 without that."""
    s = rng(3).uniform(0.1, 1, 16)
    mean = np.zeros(16)
    generator, times = rng(4), 4000
    for _ in range(times):
        found = select.randomised(s, 8, generator)
        mean[found.kept] += found.factors / times
    # Measured: 0.933 to 1.023.
    assert np.abs(mean - 1).max() < 0.1


def test_deterministic_takes_the_largest_and_breaks_ties_the_same_way() -> None:
    found = select.deterministic(np.array([0.1, 0.9, 0.5, 0.7]), 2)
    assert found.kept.tolist() == [1, 3]
    assert found.factors.tolist() == [1, 1]
    equal = select.deterministic(np.full(100, 0.5), 40).kept.tolist()
    assert equal == list(range(60, 100))


def test_mixed_keeps_the_likely_ones_as_they_are() -> None:
    s = np.array([0.02, 1.0, 0.03, 1.0, 0.02, 0.03, 0.02, 0.02])
    for seed in range(20):
        found = dict(
            zip(*(lambda f: (f.kept.tolist(), f.factors))(select.mixed(s, 4, rng(seed))), strict=True)
        )
        assert found[1] == found[3] == 1
        assert len(found) == 4
    others = {tuple(select.mixed(s, 4, rng(seed)).kept) for seed in range(20)}
    assert len(others) > 1


@pytest.mark.parametrize("choose", [select.randomised, select.mixed])
def test_nothing_is_drawn_where_all_with_a_share_can_stay(choose: select.Choice) -> None:
    found = choose(np.array([0.0, 0.3, 0.0, 0.2, 0.0]), 3, rng())
    assert {1, 3} < set(found.kept.tolist())
    assert found.factors.tolist() == [1, 1, 1]


def test_mixed_of_one_channel_is_deterministic() -> None:
    s = np.array([0.3, 0.31, 0.3])
    assert {tuple(select.mixed(s, 1, rng(seed)).kept) for seed in range(20)} == {(1,)}
    assert len({tuple(select.randomised(s, 1, rng(seed)).kept) for seed in range(20)}) == 3


# ---- allocation, plan and repair


def two_readers(first: Array, second: Array) -> Graph:
    """3 inputs, 3 channels a = ReLU(x), read by two dense layers with kernels (3, outputs), and added."""
    eye = {"kernel": np.eye(3, dtype=np.float32)}
    nodes = (
        Node("x", "InputLayer", (), (3,), {}, {}, "x"),
        Node("a", "Dense", ("x",), (3,), {"units": 3, "activation": "relu", "use_bias": False}, eye, "a"),
        *(
            Node(name, "Dense", ("a",), (2,), {"units": 2, "use_bias": False}, {"kernel": kernel}, name)
            for name, kernel in (("one", first.astype(np.float32)), ("two", second.astype(np.float32)))
        ),
        Node("sum", "Add", ("one", "two"), (2,), {}, {}, "sum"),
    )
    return Graph("two_readers", nodes, ("x",), ("sum",))


def test_a_unit_is_as_sensitive_as_its_most_sensitive_reader() -> None:
    first, second = np.array([[8.0, 8], [1, 1], [1, 1]]), np.array([[1.0, 1], [8, 8], [1, 1]])
    evidence = evidence_of(two_readers(first, second), np.ones((4, 3)))
    (group,) = evidence.channels.groups
    assert unit_sensitivities(evidence, group) == pytest.approx([0.8, 0.8, 0.1])
    score = METHODS["pfp"].score
    assert score is not None
    assert score(evidence, group) == pytest.approx(np.array([0.8, 0.8, 0.1]) * 3 / 1.7)


def test_a_group_keeps_what_its_greediest_reader_keeps() -> None:
    first, second = np.array([[1.0, 1], [0, 0], [0, 0]]), np.ones((3, 2))
    evidence = evidence_of(two_readers(first, second), np.ones((4, 3)))
    ladder = ALLOCATIONS["pfp"].ladder(evidence, [np.ones(3)])
    kept = [ladder.kept(rung)[0] for rung in range(0, ladder.rungs, 100)]
    assert kept[0] == 3
    assert kept[1] == 3  # the first alone would keep 1
    assert ladder.kept(ladder.rungs - 1) == [1]
    assert all(one >= other for one, other in itertools.pairwise(kept))
    assert ladder.describe is not None
    layers = ladder.describe(ladder.rungs // 2)["layers"]
    assert isinstance(layers, Mapping)
    assert layers["one"]["kept"] == 1
    assert layers["one"]["sensitivity_sum"] == pytest.approx(1)
    assert layers["two"]["sensitivity_sum"] == pytest.approx(1)


def cut_by(name: str, graph: Graph, seed: int = 0, speedup: float = 2.0) -> tuple[Evidence, PrunePlan, Graph]:
    evidence = evidence_of(graph, seed=seed)
    made = plan(evidence, method=METHODS[name], speedup=speedup)
    repair = METHODS[name].repair
    assert repair is not None
    return evidence, made, repair(evidence, made, apply(graph, made))


# Whatever reads the feature maps of these networks is a layer that makes channels.
PLAIN = (
    "sequential",
    "depthwise",
    "separable",
    "flatten",
    "one_dimensional",
    "reshape",
    "transposed",
    "shared",
    "grouped",
)


@pytest.mark.parametrize("method", VARIANTS)
@pytest.mark.parametrize("name", PLAIN)
def test_repaired_equals_the_whole_network_with_weighted_features(name: str, method: str) -> None:
    graph = graph_of(name)
    evidence, made, repaired = cut_by(method, graph, seed=3)
    check_graph(repaired)
    choose = {"pfp": None, "pfp-random": select.randomised, "pfp-mixed": select.mixed}[method]
    by_unit = np.concatenate([*factors_of(evidence, made.kept, choose), np.ones(1)])
    features = {n.inputs[0] for nodes in readers(evidence).values() for n in nodes}

    def weighted(node: Node, out: Array) -> Array:
        factors = by_unit[evidence.channels.labels[node.name]]
        return out * factors if node.name in features else out

    x = rng(8).normal(size=(3, *graph.by_name[graph.inputs[0]].shape))
    expected = forward(graph, [x], after=weighted)[graph.outputs[0]]
    found = forward(repaired, [x])[graph.outputs[0]]
    # Factors and their products with weights are rounded to single precision, a few layers deep.
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    if method != "pfp-mixed":  # which may be sure of all
        assert (method == "pfp") == all(np.isin(by_unit, [0, 1]))


@pytest.mark.parametrize("method", VARIANTS)
@pytest.mark.parametrize("name", ["residual", "concat", "squeeze_excite", "nested"])
def test_coupled_networks_are_cut_and_repaired(name: str, method: str) -> None:
    graph = graph_of(name)
    evidence, made, repaired = cut_by(method, graph)
    check_graph(repaired)
    assert made.speedup >= 2
    assert repaired.by_name[graph.inputs[0]].shape == graph.by_name[graph.inputs[0]].shape
    allocation, repair = evidence.notes["allocation"], evidence.notes["repair"]
    assert isinstance(allocation, dict)
    assert isinstance(repair, dict)
    assert allocation["eps"] > 1
    assert allocation["is_vacuous"] is True
    assert set(allocation["layers"]) == set(repair["relative_error"]) == set(readers(evidence))
    for errors in repair["relative_error"].values():
        assert 0 <= errors["median"] <= errors["p99"]


@pytest.mark.parametrize("method", VARIANTS)
def test_same_seed_same_bytes(method: str) -> None:
    graph = graph_of("sequential")
    one, other = (cut_by(method, graph, seed=5)[2] for _ in range(2))
    for first, second in zip(one.nodes, other.nodes, strict=True):
        for name, array in first.weights.items():
            assert array.tobytes() == second.weights[name].tobytes()


def test_another_seed_draws_others_and_a_foreign_plan_is_refused() -> None:
    graph = graph_of("sequential")
    removed = [cut_by("pfp-random", graph, seed)[1].removed for seed in (1, 2)]
    assert removed[0] != removed[1]
    made = cut_by("pfp-random", graph, 1)[1]
    repair = METHODS["pfp-random"].repair
    assert repair is not None
    with pytest.raises(UsageError, match="not those that were drawn"):
        repair(evidence_of(graph, seed=2), made, apply(graph, made))


def test_nothing_removed_is_nothing_changed() -> None:
    graph = graph_of("residual")
    for method in VARIANTS:
        evidence, _, repaired = cut_by(method, graph, speedup=1.0)
        for before, after in zip(graph.nodes, repaired.nodes, strict=True):
            for name, array in before.weights.items():
                assert np.array_equal(array, after.weights[name])
        notes = evidence.notes["repair"]
        assert isinstance(notes, dict)
        assert {e["p99"] for e in notes["relative_error"].values()} == {0.0}


def constant_channel(window: int, padding: str, has_bias: bool) -> Graph:
    """Four 1x1 filters on one channel, the last two biases alone (0.5, 0.25), read by a convolution."""
    made = {"kernel": np.float32([1, -2, 0, 0]).reshape(1, 1, 1, 4), "bias": np.float32([0, 0, 0.5, 0.25])}
    shape = (5, 5, 2) if padding == "same" else (6 - window, 6 - window, 2)
    reads = {"kernel": rng(1).uniform(1, 2, (window, window, 4, 2)).astype(np.float32)}
    if has_bias:
        reads["bias"] = np.float32([1, 2])
    config = {"filters": 2, "kernel_size": [window] * 2, "padding": padding, "use_bias": has_bias}
    nodes = (
        Node("x", "InputLayer", (), (5, 5, 1), {}, {}, "x"),
        Node("a", "Conv2D", ("x",), (5, 5, 4), {"filters": 4, "kernel_size": [1, 1]}, made, "a"),
        Node("b", "Conv2D", ("a",), shape, config, reads, "b"),
    )
    return Graph("constant", nodes, ("x",), ("b",))


def without_the_last(graph: Graph, method: str = "pfp") -> tuple[Evidence, Graph, Array, Array]:
    """The network without the last of its constant channels, repaired; outputs before and after."""
    evidence = evidence_of(graph)

    class Kept:
        kept = (np.array([0, 1, 2]),)
        removed: Mapping[str, tuple[int, ...]] = {"a": (3,)}

    repair = METHODS[method].repair
    assert repair is not None
    repaired = repair(evidence, Kept(), apply(graph, Kept()))
    x = rng(9).normal(size=(2, 5, 5, 1))
    return evidence, repaired, forward(graph, [x])["b"], forward(repaired, [x])["b"]


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(("window", "padding"), [(3, "valid"), (1, "same")])
def test_a_constant_goes_into_the_bias(window: int, padding: str, has_bias: bool) -> None:
    evidence, repaired, before, after = without_the_last(constant_channel(window, padding, has_bias))
    assert np.abs(before - after).max() < 1e-5  # the bias is in single precision
    assert repaired.by_name["b"].config["use_bias"] is True
    notes = evidence.notes["repair"]
    assert isinstance(notes, dict)
    assert notes["folded"] == {"b": 1}
    assert notes["constant_but_padded"] == {}
    assert notes["relative_error"]["b"]["p99"] < 1e-4


def test_a_constant_stays_out_of_the_bias_where_padding_changes_it() -> None:
    evidence, repaired, before, after = without_the_last(constant_channel(3, "same", True))
    assert np.abs(before - after).max() > 0.1
    assert repaired.by_name["b"].weights["bias"].tolist() == [1, 2]
    notes = evidence.notes["repair"]
    assert isinstance(notes, dict)
    assert notes["constant_but_padded"] == {"b": 1}
    assert notes["relative_error"]["b"]["p99"] > 0.01
