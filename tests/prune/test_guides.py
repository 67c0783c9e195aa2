"""Methods that train towards sparsity: their formulas by hand, and what they do to a small network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_networks import NETWORKS, build
from support.tools import require_module

from edgeprune.errors import BudgetError, UsageError
from edgeprune.graph.ir import Graph, Node
from edgeprune.prune import units
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.finetune import Progress, finetune
from edgeprune.prune.guide import Goal, Guide, Moment, Steering
from edgeprune.prune.kernels import convolution_macs, macs_per_weight
from edgeprune.prune.methods import METHODS
from edgeprune.prune.methods.agp import sparsity, thinned
from edgeprune.prune.methods.greg import ceiling, growing
from edgeprune.prune.methods.group_sl import factors
from edgeprune.prune.methods.ssl import lasso_decay
from edgeprune.prune.plan import PrunePlan, gather, plan, plan_without

CHANNEL_GUIDES = ("slimming", "ssl", "soft", "greg", "greg-2", "group-sl")
GUIDES = (*CHANNEL_GUIDES, "agp")


def chain() -> Graph:
    """Two inputs, a 1x1 convolution of three filters (norms 5, 1, 2), its scales, and a dense layer."""
    kernel = np.array([[3.0, 1.0, 0.0], [4.0, 0.0, 2.0]], np.float32).reshape(1, 1, 2, 3)
    scales = {"gamma": np.array([0.5, -2.0, 0.0], np.float32), "beta": np.ones(3, np.float32)}
    scales |= {"moving_mean": np.ones(3, np.float32), "moving_variance": np.ones(3, np.float32)}
    last = {"kernel": np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0]], np.float32)}
    nodes = (
        Node("x", "InputLayer", (), (2, 2, 2), {}, {}, "x"),
        Node("conv", "Conv2D", ("x",), (2, 2, 3), {"filters": 3}, {"kernel": kernel}, "conv"),
        Node("norm", "BatchNormalization", ("conv",), (2, 2, 3), {"axis": -1}, scales, "norm"),
        Node("pool", "GlobalAveragePooling2D", ("norm",), (3,), {}, {}, "pool"),
        Node("y", "Dense", ("pool",), (2,), {"units": 2}, last, "y"),
    )
    return Graph("chain", nodes, ("x",), ("y",))


def trained(graph: Graph) -> dict[tuple[str, str], np.ndarray]:
    """What a trainer would hand to a guide."""
    return {
        (node.layer, name): array
        for node in graph.nodes
        for name, array in node.weights.items()
        if not name.startswith("moving")
    }


def goal_of(graph: Graph, kept: list[int], steps: int = 100, rate: float = 0.01, speedup: float = 2) -> Goal:
    return Goal(gather(graph, np.random.default_rng(0)), kept, speedup, "uniform", steps, rate)


def guide_of(method: str, goal: Goal) -> Guide:
    make = METHODS[method].guide
    assert make is not None
    return make(goal)


def at(step: int, steps: int = 100, is_epoch_start: bool | None = None) -> Moment:
    start = step == 0 if is_epoch_start is None else is_epoch_start
    return Moment(step, steps, start, np.random.default_rng(0))


def steered(guide: Guide, moment: Moment, graph: Graph) -> Steering:
    steering = guide.steer(moment, trained(graph))
    assert steering is not None
    return steering


def full(values: Mapping[Any, Any], graph: Graph) -> dict[tuple[str, str], np.ndarray]:
    """The arrays of a steering in the shapes of the weights."""
    weights = trained(graph)
    return {key: np.broadcast_to(value, weights[key].shape) for key, value in values.items()}


def test_group_sparse_learning_factors() -> None:
    assert factors(np.array([0.0, 0.5, 1.0])).tolist() == [16, 4, 1]
    assert factors(np.array([7.0, 3.0])).tolist() == [1, 16]
    assert factors(np.array([2.0, 2.0])).tolist() == [1, 1]


def test_lasso_takes_the_same_from_every_norm() -> None:
    norms = np.array([4.0, 0.5, 0.0])
    decay = lasso_decay(norms, 2.0)
    assert decay.tolist() == [0.5, 4.0, 0.0]
    assert (norms * decay).tolist() == [2.0, 2.0, 0.0]


def test_agp_curve() -> None:
    assert sparsity(10, 10, 90, 0.2, 0.8) == sparsity(0, 10, 90, 0.2, 0.8) == pytest.approx(0.2)
    assert sparsity(90, 10, 90, 0.2, 0.8) == sparsity(200, 10, 90, 0.2, 0.8) == 0.8
    assert sparsity(50, 10, 90, 0.0, 0.8) == pytest.approx(0.875 * 0.8)


def test_agp_holds_what_it_held_then_the_smallest() -> None:
    weight = np.array([[5.0, -1.0], [0.5, -3.0]])
    before = np.array([[0, 1], [1, 1]])
    assert thinned(weight, before, 0.25).tolist() == [[0, 1], [1, 1]]
    assert thinned(weight, before, 0.3).tolist() == [[0, 1], [0, 1]]
    assert thinned(weight, before, 1.0).tolist() == [[0, 0], [0, 1]]


def test_agp_goes_on_with_the_masks_of_its_state() -> None:
    graph = chain()
    guide, again = (guide_of("agp", goal_of(graph, [])) for _ in range(2))
    weights = trained(graph)
    guide.steer(at(60), weights)
    again.restore(guide.state())
    # What is gone stays away, however large its weight has become.
    inverted = weights | {("conv", "kernel"): 1 / (1 + np.abs(weights["conv", "kernel"]))}
    steering = again.steer(at(61), inverted)
    assert steering is not None and steering.masks is not None
    assert steering.masks["conv", "kernel"].reshape(2, 3).tolist() == [[1, 0, 0], [1, 0, 1]]


def test_growing_decay() -> None:
    assert [growing(step, 2, 6, 8.0) for step in (2, 3, 5, 6, 50)] == [2, 4, 8, 8, 8]
    long = [growing(step, 0, 1000, 1.0) for step in range(1000)]
    assert sorted(set(long)) == pytest.approx(list(np.arange(1, 101) / 100))
    assert long.count(long[0]) == 10


def test_ceiling_shrinks_enough_and_never_flips_a_sign() -> None:
    graph = chain()
    assert ceiling(goal_of(graph, [1], steps=10_000)) * 0.01 == pytest.approx(0.05)
    assert ceiling(goal_of(graph, [1], steps=64)) * 0.01 == pytest.approx(8 / 40)
    assert ceiling(goal_of(graph, [1], steps=1)) * 0.01 == 1


def test_a_weight_of_two_units_is_pulled_by_both() -> None:
    def conv(name: str, source: str, inputs: int, filters: int) -> Node:
        kernel = np.ones((1, 1, inputs, filters), np.float32)
        return Node(
            name, "Conv2D", (source,), (2, 2, filters), {"filters": filters}, {"kernel": kernel}, name
        )

    first, second, last = conv("a", "x", 1, 2), conv("b", "a", 2, 3), conv("c", "b", 3, 1)
    graph = Graph(
        "g", (Node("x", "InputLayer", (), (2, 2, 1), {}, {}, "x"), first, second, last), ("x",), ("c",)
    )
    evidence = gather(graph, np.random.default_rng(0))
    parts = [units.owned(evidence, group, units.OWNED) for group in evidence.channels.groups]
    decay = [np.array([1.0, 2.0]), np.array([10.0, 20.0, 30.0])]
    pulled = full(units.pull(parts, decay, trained(graph)), graph)
    assert pulled["a", "kernel"].ravel().tolist() == [1, 2]
    assert pulled["b", "kernel"][0, 0].tolist() == [[11, 21, 31], [12, 22, 32]]
    assert pulled["c", "kernel"].ravel().tolist() == [10, 20, 30]
    only_b = units.pull(parts, decay, {("b", "kernel"): second.weights["kernel"]})
    assert set(only_b) == {("b", "kernel")}


def test_slimming_decays_scales_alone() -> None:
    graph = chain()
    decay = steered(guide_of("slimming", goal_of(graph, [2])), at(5), graph).decay
    assert decay is not None and set(decay) == {("norm", "gamma")}
    strength = 0.75 * np.mean([0.5, 2.0, 0.0]) / (0.01 * 100)
    assert decay["norm", "gamma"].tolist() == pytest.approx([strength / 0.5, strength / 2, 0])


def test_slimming_scores_scales() -> None:
    evidence = gather(chain(), np.random.default_rng(0))
    score = METHODS["slimming"].score
    assert score is not None
    assert score(evidence, evidence.channels.groups[0]).tolist() == pytest.approx([0.6, 2.4, 0.0])


def test_ssl_pulls_whole_units() -> None:
    """Norms over filter, scale and what reads it; the mean one would lose its share in the training."""
    graph = chain()
    decay = steered(guide_of("ssl", goal_of(graph, [2])), at(5), graph).decay
    assert decay is not None and set(decay) == {("conv", "kernel"), ("norm", "gamma"), ("y", "kernel")}
    norms = np.sqrt([25 + 0.25 + 4, 1 + 4 + 4, 4 + 0 + 1])
    expected = 0.75 * norms.mean() / (0.01 * 100) / norms
    shaped = full(decay, graph)
    assert shaped["conv", "kernel"][0, 0, 1].tolist() == pytest.approx(list(expected))
    assert shaped["norm", "gamma"].tolist() == pytest.approx(list(expected))
    assert shaped["y", "kernel"][:, 1].tolist() == pytest.approx(list(expected))


def test_group_sl_pulls_weak_units_more_for_an_epoch() -> None:
    graph = chain()
    guide = guide_of("group-sl", goal_of(graph, [2]))
    decay = steered(guide, at(50, is_epoch_start=True), graph).decay
    assert decay is not None
    norms = np.sqrt([29.25, 9, 5])
    expected = 6 / 16 / (0.01 * 100) * 16 ** ((norms[0] - norms) / (norms[0] - norms[2]))
    assert full(decay, graph)["norm", "gamma"].tolist() == pytest.approx(list(expected))
    assert guide.steer(at(51), trained(graph)) is None


def test_greg_pulls_the_units_that_go_and_no_other() -> None:
    graph = chain()
    guide = guide_of("greg", goal_of(graph, [1]))
    decay = steered(guide, at(99), graph).decay
    assert decay is not None
    shaped = full(decay, graph)
    top = ceiling(goal_of(graph, [1]))
    assert shaped["conv", "kernel"][0, 0, 0].tolist() == pytest.approx([0, top, top])
    assert shaped["norm", "beta"].tolist() == pytest.approx([0, top, top])
    assert shaped["y", "kernel"][:, 0].tolist() == pytest.approx([0, top, top])
    first = steered(guide, at(0), graph).decay
    assert first is not None
    assert full(first, graph)["norm", "beta"].tolist() == pytest.approx([0, top / 75, top / 75])
    assert gone_of(guide).tolist() == [False, True, True]


def gone_of(guide: Guide) -> np.ndarray:
    gone = guide.gone()
    assert gone is not None
    return gone


def test_greg_2_tries_all_units_then_chooses_by_what_is_left() -> None:
    graph = chain()
    guide = guide_of("greg-2", goal_of(graph, [1]))
    decay = steered(guide, at(24), graph).decay
    assert decay is not None
    assert full(decay, graph)["norm", "beta"].tolist() == pytest.approx([1 / 0.01 / 12.5] * 3)
    weights = trained(graph) | {("conv", "kernel"): np.float32([[0.1, 2.0, 9.0]] * 2).reshape(1, 1, 2, 3)}
    guide.steer(at(25), weights)
    assert gone_of(guide).tolist() == [True, True, False]
    again = guide_of("greg-2", goal_of(graph, [1]))
    again.restore(guide.state())
    assert gone_of(again).tolist() == [True, True, False]


def test_soft_zeroes_filters_and_biases_at_the_start_of_an_epoch() -> None:
    graph = chain()
    guide = guide_of("soft", goal_of(graph, [1]))
    changed = steered(guide, at(0), graph).weights
    assert set(changed) == {("conv", "kernel")}
    assert changed["conv", "kernel"].reshape(2, 3).tolist() == [[3, 0, 0], [4, 0, 0]]
    assert guide.steer(at(1), trained(graph)) is None


def test_magnitude_removes_the_smallest_weights_that_suffice() -> None:
    graph = chain()
    make = METHODS["magnitude"].masks
    assert make is not None
    kernel = np.array([[3.0, 1.0, 0.5], [-4.0, 0.1, -2.0]], np.float32).reshape(1, 1, 2, 3)
    conv = Node("conv", "Conv2D", ("x",), (2, 2, 3), {"filters": 3}, {"kernel": kernel}, "conv")
    graph = Graph("chain", (graph.nodes[0], conv, *graph.nodes[2:]), ("x",), ("y",))
    found = {s: make(goal_of(graph, [], speedup=s))["conv", "kernel"].reshape(2, 3) for s in (1, 2, 2.1, 6)}
    assert found[1].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert found[2].tolist() == [[1, 0, 0], [1, 0, 1]]
    assert found[2.1].tolist() == [[1, 0, 0], [1, 0, 0]]
    assert found[6].tolist() == [[0, 0, 0], [1, 0, 0]]
    with pytest.raises(BudgetError, match="a speed-up of 7 is out of reach"):
        make(goal_of(graph, [], speedup=7))


def test_magnitude_leaves_every_kernel_its_largest_weight() -> None:
    graph = chain()
    faint = Node(
        "faint", "Conv2D", ("x",), (2, 2, 2), {"filters": 2}, {"kernel": np.full((1, 1, 2, 2), 1e-9)}, "faint"
    )
    two = Graph("two", (*graph.nodes, faint), ("x",), ("y", "faint"))
    make = METHODS["magnitude"].masks
    assert make is not None
    masks = make(goal_of(two, [], speedup=5))
    assert {layer: int(mask.sum()) for (layer, _), mask in masks.items()} == {"conv": 1, "faint": 1}


def keras_graph(name: str) -> Graph:
    require_module("keras")
    from edgeprune.graph.keras_in import from_keras

    return from_keras(build(name))


@pytest.mark.parametrize("name", ["residual", "concat", "depthwise", "separable", "transposed", "shared"])
def test_masks_leave_the_macs_asked_for(name: str) -> None:
    from edgeprune.graph.cost import count

    graph = keras_graph(name)
    costs = macs_per_weight(graph)
    make = METHODS["magnitude"].masks
    assert make is not None
    masks = make(goal_of(graph, [], speedup=3))
    nodes = tuple(
        Node(n.name, n.kind, n.inputs, n.shape, n.config, masked(n, masks), n.layer) for n in graph.nodes
    )
    left = sum(
        n.macs
        for n in count(Graph("m", nodes, graph.inputs, graph.outputs), "weights").nodes
        if "Conv" in n.kind
    )
    assert set(masks) == set(costs)
    assert convolution_macs(graph) / 3 - max(costs.values()) - len(nodes) <= left
    assert left <= convolution_macs(graph) / 3 + len(nodes)


def masked(node: Node, masks: Mapping[tuple[str, str], np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array * masks.get((node.layer, name), 1) for name, array in node.weights.items()}


@pytest.mark.parametrize("method", GUIDES)
@pytest.mark.parametrize("name", NETWORKS)
def test_guides_fit_every_network(method: str, name: str) -> None:
    graph = keras_graph(name)
    groups = gather(graph, np.random.default_rng(0)).channels.groups
    goal = goal_of(graph, [len(group.units) // 2 for group in groups], steps=9, speedup=1.5)
    if method == "slimming":
        with pytest.raises(UsageError, match="without batch normalisation") as error:
            guide_of(method, goal)
        assert "--keep" in str(error.value.hint)
        return
    guide = guide_of(method, goal)
    weights = trained(graph)
    for step in range(9):
        steering = guide.steer(at(step, 9, is_epoch_start=step % 3 == 0), weights) or Steering()
        for part in (steering.masks, steering.decay, steering.weights):
            for key, value in (part or {}).items():
                assert np.isfinite(np.broadcast_to(value, weights[key].shape)).all()
                assert part is steering.weights or np.min(value) >= 0
    gone = guide.gone()
    if method.startswith("greg"):
        assert gone is not None
        plan_without(goal.evidence, gone, method=method, allocation="uniform")
        assert (~gone).sum() == sum(goal.kept)


@pytest.mark.parametrize("name", NETWORKS)
def test_scratch_draws_every_weight_anew(name: str) -> None:
    graph = keras_graph(name)
    repair = METHODS["scratch"].repair
    assert repair is not None

    def fresh(seed: int) -> Graph:
        evidence = gather(graph, np.random.default_rng(seed))
        return repair(evidence, whole(evidence), graph)

    one, same, other = fresh(1), fresh(1), fresh(2)
    for node, new, again, third in zip(graph.nodes, one.nodes, same.nodes, other.nodes, strict=True):
        for key, old in node.weights.items():
            assert new.weights[key].shape == old.shape
            assert new.weights[key].tobytes() == again.weights[key].tobytes()
            assert not np.array_equal(new.weights[key], old)
            if "kernel" in key:
                assert new.weights[key].std() > 0
                assert not np.array_equal(new.weights[key], third.weights[key])
            elif key in ("gamma", "moving_variance"):
                assert (new.weights[key] == 1).all()
            else:
                assert (new.weights[key] == 0).all()


def whole(evidence: Evidence) -> PrunePlan:
    """The plan that removes nothing."""
    gone = np.zeros(sum(len(group.units) for group in evidence.channels.groups), dtype=bool)
    return plan_without(evidence, gone, method="m", allocation="a")


def test_scratch_leaves_what_is_not_trained() -> None:
    keras = require_module("keras")
    from edgeprune.graph.keras_in import from_keras

    fixed = keras.layers.Conv2D(4, 3, trainable=False, kernel_initializer="he_normal")
    free = keras.layers.Conv2D(4, 3)
    model = keras.Sequential([keras.Input((6, 6, 1)), fixed, free, keras.layers.Flatten()])
    graph = from_keras(model)
    evidence = gather(graph, np.random.default_rng(0))
    repair = METHODS["scratch"].repair
    assert repair is not None
    new = repair(evidence, whole(evidence), graph)
    kept = [
        np.array_equal(new.by_name[layer.name].weights["kernel"], graph.by_name[layer.name].weights["kernel"])
        for layer in (fixed, free)
    ]
    assert kept == [True, False]


@dataclass(frozen=True, eq=False)
class Samples:
    x_train: np.ndarray
    y_train: np.ndarray


@cache
def images() -> Samples:
    """Half of the handwritten digits, (900, 8, 8, 1)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = (found.images[:900, ..., None] / 16).astype(np.float32)
    return Samples(x, found.target[:900].astype(np.int64))


@cache
def learned() -> Graph:
    """A small residual network that knows the digits."""
    keras = require_module("keras")
    from edgeprune.graph.keras_in import from_keras

    keras.utils.set_random_seed(1)
    layers = keras.layers

    def normed(x: Any, filters: int) -> Any:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.8)(x)

    source = keras.Input((8, 8, 1))
    x = layers.MaxPooling2D()(layers.ReLU()(normed(source, 12)))
    x = layers.ReLU()(layers.Add()([x, normed(layers.ReLU()(normed(x, 16)), 12)]))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(layers.DepthwiseConv2D(3)(x)))
    model = keras.Model(source, layers.Dense(10)(layers.Flatten()(x)))
    finetune(model, images(), epochs=6, seed=0, batch_size=32, learning_rate=5e-3)
    return from_keras(model)


EPOCHS, BATCH, RATE = 4, 32, 3e-3
STEPS = EPOCHS * (810 // BATCH)


def goal_for(speedup: float) -> Goal:
    evidence = gather(learned(), np.random.default_rng(0))
    planned = plan(evidence, method=METHODS["l1"], speedup=speedup, allocation="uniform")
    return Goal(evidence, [len(stay) for stay in planned.kept], speedup, "uniform", STEPS, RATE)


def train(model: Any, **options: Any) -> None:
    settings = {"epochs": EPOCHS, "seed": 0, "batch_size": BATCH, "learning_rate": RATE}
    finetune(model, images(), **{**settings, **options})


def guided(method: str, goal: Goal) -> tuple[Graph, Guide]:
    from edgeprune.graph.keras_in import from_keras
    from edgeprune.graph.keras_out import to_keras

    model, guide = to_keras(learned()), guide_of(method, goal)
    train(model, guide=guide)
    return from_keras(model), guide


def accuracy(graph: Graph) -> float:
    from edgeprune.graph.keras_out import to_keras

    samples = images()
    scores = to_keras(graph).predict(samples.x_train, verbose=0, batch_size=900)
    return float((scores.argmax(axis=1) == samples.y_train).mean())


def group_norms(graph: Graph) -> list[np.ndarray]:
    evidence = gather(graph, np.random.default_rng(0))
    return [
        units.norms(units.owned(evidence, group, units.SCALED), len(group.units))
        for group in evidence.channels.groups
    ]


def spread(scores: np.ndarray) -> float:
    """How much smaller than the mean the lowest third is."""
    return float(np.sort(scores)[: len(scores) // 3].mean() / scores.mean())


def test_greg_shrinks_what_goes_so_that_the_cut_costs_little() -> None:
    from edgeprune.prune.apply import apply

    goal = goal_for(3)
    before = goal.evidence
    one_shot = plan(before, method=METHODS["l1"], speedup=3, allocation="uniform")
    after, guide = guided("greg", goal)
    gone = gone_of(guide)
    old, new = np.concatenate(group_norms(learned())), np.concatenate(group_norms(after))
    assert (new[gone] < 0.05 * old[gone]).all()
    assert (new[~gone] > 0.5 * old[~gone]).all()
    cut = plan_without(gather(after, np.random.default_rng(0)), gone, method="greg", allocation="uniform")
    assert cut.removed == one_shot.removed
    assert accuracy(apply(after, cut)) > accuracy(apply(learned(), one_shot)) + 0.2


def test_ssl_drives_norms_down_and_apart() -> None:
    after, _ = guided("ssl", goal_for(2))
    for old, new in zip(group_norms(learned()), group_norms(after), strict=True):
        assert new.mean() < 0.8 * old.mean()
        assert spread(new) < spread(old)


def test_group_sl_drives_norms_apart() -> None:
    after, _ = guided("group-sl", goal_for(2))
    for old, new in zip(group_norms(learned()), group_norms(after), strict=True):
        assert spread(new) < spread(old) - 0.1


def test_slimming_drives_scales_apart() -> None:
    after, _ = guided("slimming", goal_for(2))
    score = METHODS["slimming"].score
    assert score is not None
    old, new = (gather(graph, np.random.default_rng(0)) for graph in (learned(), after))
    for was, group in zip(old.channels.groups, new.channels.groups, strict=True):
        assert spread(score(new, group)) < spread(score(old, was)) - 0.03


def test_agp_reaches_its_sparsity_exactly_and_zeros_hold() -> None:
    from edgeprune.graph.cost import count
    from edgeprune.graph.keras_in import from_keras
    from edgeprune.graph.keras_out import to_keras

    after, guide = guided("agp", goal_for(3))
    costs = macs_per_weight(after)
    can_go = sum(
        array.size * costs[n.layer, name]
        for n in after.nodes
        for name, array in n.weights.items()
        if (n.layer, name) in costs
    )
    share = (1 - 1 / 3) * convolution_macs(after) / can_go
    kernels = {key: next(n.weights[key[1]] for n in after.nodes if n.layer == key[0]) for key in costs}
    for kernel in kernels.values():
        assert (kernel == 0).sum() == np.ceil(share * kernel.size - 1e-6)
    left = sum(n.macs for n in count(after, "weights").nodes if "Conv" in n.kind)
    assert left <= convolution_macs(after) / 3
    assert guide.gone() is None
    assert accuracy(after) > 0.8
    model = to_keras(after)
    train(model, epochs=1, hold_zeros=True)
    tuned = from_keras(model)
    for (layer, name), kernel in kernels.items():
        now = next(n.weights[name] for n in tuned.nodes if n.layer == layer)
        assert np.array_equal(now == 0, kernel == 0)


@pytest.mark.parametrize("method", ["agp", "greg-2", "ssl"])
def test_a_broken_guided_run_resumes_to_the_same_bytes(method: str, tmp_path: Path) -> None:
    from edgeprune.graph.keras_out import to_keras

    goal = goal_for(2)
    unbroken, broken, resumed = (to_keras(learned()) for _ in range(3))
    first, last = guide_of(method, goal), guide_of(method, goal)
    train(unbroken, guide=first)

    def break_in_third(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (3, 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(broken, guide=guide_of(method, goal), checkpoint_dir=tmp_path, on_step=break_in_third)
    lines: list[str] = []
    train(resumed, guide=last, checkpoint_dir=tmp_path, log=lines.append)
    assert lines[0] == f"resuming after epoch 2 of {EPOCHS}"
    for a, b in zip(unbroken.get_weights(), resumed.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    assert set(first.state()) == set(last.state())
    assert all(np.array_equal(value, last.state()[name]) for name, value in first.state().items())


class Stop(Exception):
    """Ends a training early."""


def one_step(guide: Guide) -> Any:
    """The model that knows the digits, one step of training later."""
    from edgeprune.graph.keras_out import to_keras

    def stop(progress: Progress) -> None:
        raise Stop

    model = to_keras(learned())
    with pytest.raises(Stop):
        train(model, guide=guide, on_step=stop, epochs=1)
    return model


@dataclass
class Fixed:
    """The guide that always says the same."""

    steering: Steering

    def steer(self, moment: Moment, weights: Mapping[Any, Any]) -> Steering:
        return self.steering

    def state(self) -> dict[str, np.ndarray]:
        return {}


def test_decay_shrinks_after_the_optimizer_and_stops_at_zero() -> None:
    """w <- w (1 - min(rate decay, 1)) after Adam's own step, except under a mask."""
    layer = next(node.layer for node in learned().nodes if node.kind == "BatchNormalization")
    mask, decay = np.ones(12, np.float32), np.zeros(12, np.float32)
    mask[3] = 0
    decay[:4] = 0.2 / RATE, 1e9, 0.4 / RATE, 1e9

    def step(decay: np.ndarray) -> np.ndarray:
        guide: Any = Fixed(Steering(masks={(layer, "gamma"): mask}, decay={(layer, "gamma"): decay}))
        return np.asarray(one_step(guide).get_layer(layer).gamma)

    plain, pulled = step(np.zeros(12)), step(decay)
    # A float32 product of rate, decay and weight is right to a few units in the last place.
    assert pulled[[0, 2]] == pytest.approx(plain[[0, 2]] * [0.8, 0.6], rel=1e-6)
    assert pulled[1] == 0
    assert np.array_equal(pulled[3:], plain[3:])


def test_a_softly_pruned_filter_with_a_gradient_grows_back_in_one_step() -> None:
    """Normalised, a zeroed filter gives its shift: a ReLU passes a gradient back where that is positive."""
    guide = guide_of("soft", goal_for(2))
    zeroed = steered(guide, at(0), learned()).weights
    model = one_step(guide)
    chances = []
    for (layer, name), value in zeroed.items():
        (norm,) = learned().users[layer]
        dead = ~value.reshape(-1, value.shape[-1]).any(axis=0)
        assert dead.any()
        if learned().users[norm.name][0].kind == "ReLU":
            now = next(np.asarray(w) for w in model.get_layer(layer).weights if w.name == name)
            chances.append(norm.weights["beta"][dead] > 0)
            assert np.array_equal(now.reshape(-1, value.shape[-1])[:, dead].any(axis=0), chances[-1])
    assert np.concatenate(chances).any()
