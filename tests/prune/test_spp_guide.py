"""SPP and IncReg on networks: what is masked, shares of layers, ends, forced ends, resumed training."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import BudgetError, UsageError
from edgeprune.graph.cost import count
from edgeprune.graph.ir import Graph
from edgeprune.prune.allocate.bands import shares
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.finetune import Progress, finetune
from edgeprune.prune.guide import Goal, Moment
from edgeprune.prune.methods import METHODS
from edgeprune.prune.plan import gather, plan, plan_without
from edgeprune.prune.spp import (
    Settings,
    delta,
    updates_needed,
)
from edgeprune.prune.spp_guide import IncRegGuide, SppGuide, Stop, ceiling_for, interval_for
from edgeprune.prune.spp_layout import Handle, columns, product, total, units


@dataclass(frozen=True, eq=False)
class Samples:
    x_train: np.ndarray
    y_train: np.ndarray


def lines(samples: int = 240) -> Samples:
    """Noise with a bright row or a bright column."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(samples, 8, 8, 1)).astype(np.float32)
    y = rng.integers(0, 2, samples)
    for image, label in zip(x, y, strict=True):
        at = rng.integers(0, 8)
        line = image[at] if label else image[:, at]
        line += 3.0
    return Samples(x, y)


def residual(grouped: bool = False) -> Any:
    """Convolution, then a block of convolution, depthwise and 1x1 convolution beside a shortcut."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    x = source = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = shortcut = layers.ReLU()(x)
    x = layers.Conv2D(8, 3, padding="same", name="middle")(x)
    x = layers.BatchNormalization(name="middle_bn")(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    if grouped:
        x = layers.Conv2D(8, 3, padding="same", groups=2, name="grouped")(x)
    x = layers.Conv2D(8, 1, name="last")(x)
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.Dense(2, activation="softmax", name="scores")(layers.GlobalMaxPooling2D()(x))
    return keras.Model(source, x)


def graph_of(model: Any) -> Graph:
    from edgeprune.graph.keras_in import from_keras

    return from_keras(model)


def evidence_of(model: Any) -> Evidence:
    data = lines(60)
    return gather(graph_of(model), np.random.default_rng(0), examples=Examples(data.x_train, data.y_train))


def goal(evidence: Evidence, *, steps: int = 80, speedup: float = 2.0, allocation: str = "uniform") -> Goal:
    kept = [max(1, len(group.units) // 2) for group in evidence.channels.groups]
    return Goal(evidence, kept, speedup, allocation, steps, 0.01)


def masters(graph: Graph) -> Mapping[tuple[str, str], np.ndarray]:
    trained = ("kernel", "bias", "gamma", "beta")
    return {
        (node.layer, name): node.weights[name]
        for node in graph.nodes
        for name in node.weights
        if name in trained
    }


def moment(step: int, seed: int = 0) -> Moment:
    return Moment(step, 1000, step == 0, np.random.default_rng([seed, step]))


def train(model: Any, guide: Any, epochs: int = 4, **options: Any) -> None:
    finetune(model, lines(), epochs=epochs, seed=1, batch_size=24, learning_rate=0.01, guide=guide, **options)


STEPS = 9  # of an epoch of `train`


@functools.cache
def trained_weights() -> tuple[np.ndarray, ...]:
    model = residual()
    train(model, None, epochs=6)
    return tuple(model.get_weights())


def trained() -> Any:
    model = residual()
    model.set_weights(trained_weights())
    return model


# What is masked


def test_columns_leave_depthwise_and_grouped_convolutions_out() -> None:
    layout = columns(goal(evidence_of(residual(grouped=True)), speedup=1.3))
    assert [(part.name, part.groups) for part in layout.parts] == [("stem", 9), ("middle", 72), ("last", 8)]
    layout = columns(goal(evidence_of(residual())), "channels")
    assert [(part.name, part.groups) for part in layout.parts] == [("stem", 1), ("middle", 8), ("last", 8)]


def test_column_norms_and_channel_norms() -> None:
    evidence = evidence_of(residual())
    kernel = evidence.graph.by_name["middle"].weights["kernel"]
    for groups, over in (("columns", (3,)), ("channels", (0, 1, 3))):
        part = columns(goal(evidence), groups).parts[1]  # type: ignore[arg-type]
        expected = np.abs(kernel.astype(np.float64)).sum(axis=over).ravel()
        assert part.norms(masters(evidence.graph)) == pytest.approx(expected, rel=1e-12)


def test_a_mask_on_weights_is_a_mask_on_the_im2col_input() -> None:
    """All filters share the draw, and column j is input position j of the window, rows first."""
    evidence = evidence_of(residual())
    guide = SppGuide(columns(goal(evidence)), 80)
    guide.groups[1].p[:] = 0.5
    steering = guide.steer(moment(1), masters(evidence.graph))
    assert steering is not None
    assert steering.masks is not None
    mask = steering.masks["middle", "kernel"]
    assert mask.shape == (3, 3, 8, 1)
    assert 0 < mask.sum() < mask.size
    kernel = evidence.graph.by_name["middle"].weights["kernel"].astype(np.float64)
    image = np.random.default_rng(2).normal(size=(6, 6, 8))
    out = np.zeros((4, 4, 8))
    for y, x, dy, dx, c in itertools.product(range(4), range(4), range(3), range(3), range(8)):
        out[y, x] += image[y + dy, x + dx, c] * (kernel * mask)[dy, dx, c]
    windows = np.stack([image[y : y + 3, x : x + 3].ravel() for y in range(4) for x in range(4)])
    masked = (windows * mask.ravel()) @ kernel.reshape(72, 8)
    assert masked.reshape(4, 4, 8) == pytest.approx(out, rel=1e-12)


def test_unit_norms_are_the_scores_of_l1() -> None:
    evidence = evidence_of(residual())
    score = METHODS["l1"].score
    assert score is not None
    for part, group in zip(units(goal(evidence)).parts, evidence.channels.groups, strict=True):
        assert part.norms(masters(evidence.graph)) == pytest.approx(score(evidence, group), rel=1e-12)


def test_a_masked_unit_gives_zero() -> None:
    """Through normalisation, depthwise convolution and addition; the others are as they were."""
    model = residual()
    rng = np.random.default_rng(4)
    model.set_weights([w + rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    evidence = evidence_of(model)
    layout = units(goal(evidence))
    assert len(layout.parts) == 2
    x = lines(4).x_train
    for part, group in zip(layout.parts, evidence.channels.groups, strict=True):
        there = np.ones(part.groups)
        there[[1, 4]] = 0
        masks = product((handle, there) for handle in part.holds)
        nodes = [
            replace(n, weights={w: a * masks.get((n.layer, w), np.float32(1)) for w, a in n.weights.items()})
            for n in evidence.graph.nodes
        ]
        masked = Evidence(replace(evidence.graph, nodes=tuple(nodes)), evidence.channels, rng)
        for name in evidence.feature_nodes(group):
            owners = np.array(
                evidence.channels.labels[name][0, 0]
                if evidence.channels.labels[name].ndim == 3
                else evidence.channels.labels[name]
            )
            owners = owners - evidence.first_unit(group)
            before, after = (e.probe.outputs([name], x)[name] for e in (evidence, masked))
            gone = np.isin(owners, [1, 4])
            assert not after[..., gone].any(), name
            assert np.abs(before[..., gone]).max() > 0, name


def test_an_untrained_layer_is_named() -> None:
    evidence = evidence_of(residual())
    weights = {key: value for key, value in masters(evidence.graph).items() if key != ("middle", "kernel")}
    for layout in (columns(goal(evidence)), units(goal(evidence))):
        with pytest.raises(UsageError, match="kernel of layer middle is not trained"):
            SppGuide(layout, 80).steer(moment(0), weights)


# Shares of layers (1.7)


@pytest.mark.parametrize(
    ("speedup", "kept"),
    [(2, (0.403, 0.604, 0.806)), (4, (0.201, 0.302, 0.403)), (5, (0.161, 0.242, 0.322))],
)
def test_bands_of_vgg16(speedup: float, kept: tuple[float, ...]) -> None:
    found = shares([9335.0, 4624.0, 1387.0], [1, 1.5, 2], speedup)
    assert found == pytest.approx(kept, abs=0.001)  # the table is rounded to 0.001, and so are its MACs


@pytest.mark.parametrize("groups", ["columns", "channels"])
@pytest.mark.parametrize("allocation", ["uniform", "bands", "sensitivity", "global"])
def test_targets_reach_the_speedup(allocation: str, groups: Any) -> None:
    evidence = evidence_of(residual())
    whole = sum(node.macs for node in count(evidence.graph).nodes if "Conv" in node.kind)
    for speedup in (1.0, 1.5, 3.0):
        layout = columns(goal(evidence, speedup=speedup, allocation=allocation), groups)
        assert layout.limit == pytest.approx(whole / speedup)
        dead = [np.arange(part.groups) < part.target for part in layout.parts]
        assert layout.macs(dead) <= layout.limit
        assert all(part.target < part.groups for part in layout.parts)
        assert (speedup > 1) == any(part.target for part in layout.parts)
        one_back = [flags & (np.cumsum(flags) > 1) for flags in dead]  # one group less in each layer
        assert speedup == 1 or layout.macs(one_back) > layout.limit


def test_uniform_and_bands_shares() -> None:
    evidence = evidence_of(residual())
    even = columns(goal(evidence, speedup=2)).parts
    assert len({round(part.target / part.groups, 1) for part in even if part.groups > 9}) == 1
    bands = columns(goal(evidence, speedup=2, allocation="bands")).parts
    kept = [1 - part.target / part.groups for part in bands]
    assert kept[0] < kept[1] < kept[2]


def test_sensitivity_spares_the_layer_that_hurts() -> None:
    """A layer half of whose columns are zero loses them, and the others keep more than evenly."""
    model = residual()
    kernel, bias = model.get_layer("middle").get_weights()
    kernel[:, :, :4] = 0
    model.get_layer("middle").set_weights([kernel, bias])
    evidence = evidence_of(model)
    even, scanned = (
        columns(goal(evidence, speedup=1.6, allocation=a)).parts for a in ("uniform", "sensitivity")
    )
    assert scanned[1].target >= 36
    assert scanned[0].target < even[0].target


def test_speedups_and_allocations_out_of_reach() -> None:
    evidence = evidence_of(residual())
    with pytest.raises(BudgetError, match="a speed-up of 50 is out of reach"):
        columns(goal(evidence, speedup=50))
    with pytest.raises(UsageError, match="'isomorphic' shares out channels"):
        columns(goal(evidence, allocation="isomorphic"))


# The guides


def test_the_interval_follows_from_the_steps() -> None:
    layout = columns(goal(evidence_of(residual())))
    needed = max(updates_needed(part.groups, part.target, Settings()) for part in layout.parts)
    for steps, interval in ((10**6, 180), (needed, 1), (10, 1)):
        assert interval_for(layout, steps, Settings()) == interval
    for steps in (500, 1000, 5000):
        t = interval_for(layout, steps, Settings())
        assert t * needed <= 0.85 * steps < (t + 1) * needed


def test_updates_happen_every_t_steps_from_the_first() -> None:
    evidence = evidence_of(residual())
    guide = SppGuide(columns(goal(evidence)), 80, interval=3)
    seen = []
    for step in range(7):
        before = guide.groups[1].p.copy()
        guide.steer(moment(step), masters(evidence.graph))
        seen.append(not np.array_equal(before, guide.groups[1].p))
    assert seen == [True, False, False, True, False, False, True]


def test_a_layer_that_is_done_is_frozen_with_its_masks() -> None:
    evidence = evidence_of(residual())
    weights = dict(masters(evidence.graph))
    guide = SppGuide(columns(goal(evidence)), 80, interval=1)
    while guide.is_active:
        steering = guide.steer(moment(guide.updates), weights)
        assert steering is not None
        weights |= steering.weights
        assert guide.updates < 500
    assert steering is not None
    assert steering.masks is not None
    for part, dead in zip(guide.layout.parts, guide.dead, strict=True):
        (handle,) = part.holds
        assert np.array_equal(steering.masks[handle.key].ravel() == 0, dead)
        norms = part.norms(weights)
        assert not norms[dead].any()
        assert (norms[~dead] > 0).all()
    assert all((state.p == state.dead).all() for state in guide.groups)
    assert guide.steer(replace(moment(900), is_epoch_start=False), weights) is None
    again = guide.steer(replace(moment(900), is_epoch_start=True), weights)
    assert again is not None
    assert all(np.array_equal(again.masks[key], steering.masks[key]) for key in steering.masks)  # type: ignore[index]
    assert guide.layout.macs(guide.dead) <= guide.layout.limit
    assert guide.forced == 0


def test_the_network_stops_at_its_speedup_before_the_layers_do() -> None:
    evidence = evidence_of(residual())
    layout = columns(goal(evidence, speedup=4))
    whole = layout.macs([np.zeros(part.groups, dtype=bool) for part in layout.parts])
    for stop, is_early in ((Stop(at_speedup=True), True), (Stop(at_speedup=False), False)):
        guide = SppGuide(replace(layout, limit=whole / 2), 80, interval=1, stop=stop)
        weights, step = dict(masters(evidence.graph)), 0
        while guide.is_active:
            weights |= guide.steer(moment(step), weights).weights  # type: ignore[union-attr]
            step += 1
            assert step < 500
        missing = [state.remaining for state in guide.groups]
        assert any(missing) == is_early
        assert guide.layout.macs(guide.dead) <= whole / 2


@pytest.mark.parametrize("scale", [False, True])
def test_survivors_are_scaled_only_when_asked(scale: bool) -> None:
    evidence = evidence_of(residual())
    layout = columns(goal(evidence))
    guide = SppGuide(layout, 80, stop=Stop(at_speedup=False, scale_survivors=scale))
    state = guide.groups[1]
    for group in range(state.target):
        state.kill(group)
    state.p[state.target :] = 0.25
    before = masters(evidence.graph)["middle", "kernel"]
    steering = guide.steer(moment(0), masters(evidence.graph))
    assert steering is not None
    after = steering.weights.get(("middle", "kernel"), before).reshape(72, -1)
    live = slice(state.target, None)
    assert after[live] == pytest.approx(before.reshape(72, -1)[live] * (0.75 if scale else 1), rel=1e-6)
    assert not state.p[live].any()


def test_scaled_units_scale_what_reads_them() -> None:
    evidence = evidence_of(residual())
    layout = units(goal(evidence))
    place = next(i for i, group in enumerate(evidence.channels.groups) if "middle" in group.layers)
    guide = SppGuide(layout, 80, stop=Stop(at_speedup=False, scale_survivors=True))
    state = guide.groups[place]
    for group in range(state.target):
        state.kill(group)
    state.p[state.target :] = 0.5
    before = masters(evidence.graph)
    steering = guide.steer(moment(0), before)
    assert steering is not None
    factor = steering.weights["last", "kernel"] / before["last", "kernel"]
    assert factor[0, 0, :, 0] == pytest.approx([1.0] * state.target + [0.5] * (8 - state.target))


def test_when_time_is_up_the_nearest_go_and_are_counted() -> None:
    evidence = evidence_of(residual())
    guide = SppGuide(units(goal(evidence)), 80)
    weights = masters(evidence.graph)
    guide.steer(moment(0), weights)
    state = guide.groups[0]
    state.p[:] = [0.1, 0.9, 0.5, 0.5, 0.5, 0.2, 0.5, 0.0]
    state.h[:] = [0, 9, 4, 3, 2, 0, 1, 0]
    finished = guide.finish(weights)
    assert finished is not None
    assert finished.masks is not None
    assert np.flatnonzero(state.dead).tolist() == [1, 3, 4, 6]
    assert guide.forced == 8
    assert "8 of them forced" in guide.summary
    gone = guide.gone()
    assert gone is not None
    assert gone.sum() == 8
    for part, dead in zip(guide.layout.parts, guide.dead, strict=True):
        for handle in part.holds:
            spread = np.broadcast_to(handle.spread(~dead, 1.0), weights[handle.key].shape)
            assert not finished.weights[handle.key][spread == 0].any()
            assert np.array_equal(finished.weights[handle.key][spread == 1], weights[handle.key][spread == 1])
            assert np.array_equal(np.broadcast_to(finished.masks[handle.key], spread.shape), spread)


def test_columns_are_forced_only_down_to_the_speedup() -> None:
    evidence = evidence_of(residual())
    guide = SppGuide(columns(goal(evidence)), 80)
    guide.steer(moment(0), masters(evidence.graph))
    guide.finish(masters(evidence.graph))
    left = guide.layout.macs(guide.dead)
    dearest = 64 * 8
    assert guide.layout.limit - dearest < left <= guide.layout.limit
    assert guide.gone() is None


class Watched(SppGuide):
    """Keeps what each step ran under, and the masters before it."""

    seen: list[tuple[dict[Any, Any], dict[Any, Any]]]

    def steer(self, moment: Moment, weights: Any) -> Any:
        steering = super().steer(moment, weights)
        if steering is not None:
            self.seen.append((dict(steering.masks or {}), {**weights, **steering.weights}))
        return steering


def test_masters_under_a_mask_keep_their_bytes() -> None:
    model = residual()
    guide = Watched(columns(goal(evidence_of(model))), 2 * STEPS, interval=4)
    guide.seen = []
    for state in guide.groups:
        state.p[:] = 0.5
    train(model, guide, epochs=2)
    assert len(guide.seen) == 2 * STEPS
    free = moved = 0
    for (masks, before), (_, after) in itertools.pairwise(guide.seen):
        for key in (("stem", "kernel"), ("middle", "kernel"), ("last", "kernel")):
            is_held = np.broadcast_to(masks[key], before[key].shape) == 0
            died = is_held & (after[key] == 0)
            assert np.array_equal(before[key][is_held & ~died], after[key][is_held & ~died])
            free += int((~is_held).sum())
            moved += int((before[key][~is_held] != after[key][~is_held]).sum())
    assert moved > 0.25 * free > 0  # not all: filters that no example of a batch reaches have no gradient
    held = [sum(int((m == 0).sum()) for m in masks.values()) for masks, _ in guide.seen]
    assert len(set(held)) > 1


@pytest.mark.parametrize("name", ["spp", "spp-columns", "spp-channels", "increg"])
def test_methods_reach_the_goal(name: str) -> None:
    method = METHODS[name]
    model = trained()
    evidence = evidence_of(model)
    kept: tuple[int, ...] = ()
    if method.structure == "channels":
        planned = plan(evidence, method=method, speedup=2, allocation="uniform")
        kept = tuple(group.kept for group in planned.groups)
    epochs = 14
    assert method.guide is not None
    guide: Any = method.guide(Goal(evidence, kept, 2.0, "uniform", epochs * STEPS, 0.01))
    train(model, guide, epochs=epochs)
    after = graph_of(model)
    if kept:
        gone = plan_without(evidence, guide.gone(), method=name, allocation="uniform")
        assert tuple(group.kept for group in gone.groups) == kept
        assert gone.speedup >= 2
        for part in gone.groups:
            for owned in evidence.slices(part.group):
                rows = owned.rows(after.by_name[owned.node.name].weights[owned.weight])
                is_dead = ~np.isin(owned.units, part.stay) & (owned.units >= 0)
                assert owned.side == "in" or "moving" in owned.weight or not rows[is_dead].any()
    else:
        costs = [count(g, zeros).macs for g, zeros in ((evidence.graph, None), (after, "columns"))]  # type: ignore[arg-type]
        dense = 8 * 2
        assert (costs[0] - dense) / (costs[1] - dense) >= 2
    data = lines()
    assert (model.predict(data.x_train, verbose=0).argmax(axis=1) == data.y_train).mean() > 0.9
    assert guide.forced == 0


@pytest.mark.parametrize("name", ["spp", "increg"])
def test_a_broken_training_resumes_with_its_probabilities(name: str, tmp_path: Path) -> None:
    def made() -> tuple[Any, Any]:
        model = residual()
        method = METHODS[name]
        assert method.guide is not None
        return model, method.guide(goal(evidence_of(model), steps=3 * STEPS))

    def interrupt(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (2, 4):
            raise KeyboardInterrupt

    whole, uninterrupted = made()
    train(whole, uninterrupted, epochs=3, checkpoint_dir=tmp_path / "whole")
    broken, guide = made()
    with pytest.raises(KeyboardInterrupt):
        train(broken, guide, epochs=3, checkpoint_dir=tmp_path / "part", on_step=interrupt)
    resumed, guide = made()
    said: list[str] = []
    train(resumed, guide, epochs=3, checkpoint_dir=tmp_path / "part", log=said.append)
    assert said[0] == "resuming after epoch 1 of 3"
    assert [w.tobytes() for w in resumed.get_weights()] == [w.tobytes() for w in whole.get_weights()]
    assert guide.summary == uninterrupted.summary
    for one, other in zip(guide.state().values(), uninterrupted.state().values(), strict=True):
        assert np.array_equal(one, other)


def test_other_settings_are_another_run() -> None:
    layout = columns(goal(evidence_of(residual())))
    first = SppGuide(layout, 80).state()["settings"].tobytes()
    others = [
        SppGuide(layout, 80, interval=7),
        SppGuide(layout, 80, settings=Settings(u=0.3)),
        SppGuide(layout, 80, stop=Stop(at_speedup=False)),
        SppGuide(replace(layout, limit=1.0), 80),
    ]
    assert all(first != other.state()["settings"].tobytes() for other in others)


# IncReg (1.11)


def test_increg_has_the_authors_numbers_in_a_long_training() -> None:
    guide = IncRegGuide(units(goal(evidence_of(residual()))), 10**6, 5e-4)
    assert guide.settings.amplitude == pytest.approx(1e-4)
    assert guide.ceiling == pytest.approx(2.5)
    assert guide.ceiling * guide.settings.amplitude == pytest.approx(0.00025)
    short = IncRegGuide(units(goal(evidence_of(residual()))), 500, 0.01)
    assert ceiling_for(short.settings.amplitude, 0.01) == short.ceiling
    e_folds = 0.01 * short.ceiling / (2 * short.settings.amplitude)
    assert e_folds == pytest.approx(6.25)


def test_increg_decay_follows_the_penalty() -> None:
    evidence = evidence_of(residual())
    guide = IncRegGuide(units(goal(evidence)), 500, 0.01)
    weights = masters(evidence.graph)
    steering = guide.steer(moment(0), weights)
    assert steering is not None
    assert steering.decay is not None
    place = next(i for i, group in enumerate(evidence.channels.groups) if group.layers == ("middle",))
    order = np.argsort(guide.layout.parts[place].norms(weights), kind="stable")
    a = guide.settings.amplitude
    expected = guide.ceiling * np.clip(delta(np.arange(8), guide.groups[place].target, a), 0, None)
    for key in (("middle", "kernel"), ("middle_bn", "gamma"), ("depthwise", "bias")):
        assert steering.decay[key].ravel()[order] == pytest.approx(expected, rel=1e-5)
    assert all((mask == 1).all() for mask in (steering.masks or {}).values())


def test_increg_shrinks_before_it_removes() -> None:
    model = trained()
    evidence = evidence_of(model)
    guide = IncRegGuide(units(goal(evidence)), 12 * STEPS, 0.01)
    start = masters(evidence.graph)
    at_death: dict[tuple[int, int], float] = {}
    steer = guide.steer

    def watched(moment: Moment, weights: Any) -> Any:
        before = [dead.copy() for dead in guide.dead]
        steering = steer(moment, weights)
        for place, (part, old, new) in enumerate(zip(guide.layout.parts, before, guide.dead, strict=True)):
            for group in np.flatnonzero(new & ~old):
                handle = next(h for h in part.holds if h.key[1] == "kernel")
                owned = np.broadcast_to(
                    handle.spread(np.arange(part.groups) == group, 0.0), weights[handle.key].shape
                )
                left = np.abs(weights[handle.key] * owned).sum() / np.abs(start[handle.key] * owned).sum()
                at_death[place, int(group)] = float(left)
        return steering

    guide.steer = watched  # type: ignore[method-assign]
    train(model, guide, epochs=12)
    assert guide.forced == 0
    assert len(at_death) == 8
    assert max(at_death.values()) < 0.25


def test_a_weight_in_two_parts_is_there_where_both_leave_it() -> None:
    """As the filters of a layer that a concatenation splits over two groups; pulls of both add up."""

    def half(first: int) -> Handle:
        def spread(per_group: Any, other: float) -> Any:
            line = np.full(4, other, np.float32)
            line[first : first + 2] = per_group
            return line

        return Handle(("conv", "kernel"), spread)

    pair = [(half(0), np.array([1.0, 0.0])), (half(2), np.array([0.0, 1.0]))]
    assert product(pair)["conv", "kernel"].tolist() == [1, 0, 0, 1]
    assert total(pair)["conv", "kernel"].tolist() == [1, 0, 0, 1]
    both = [(half(0), np.array([2.0, 3.0])), (half(1), np.array([5.0, 7.0]))]
    assert product(both)["conv", "kernel"].tolist() == [2, 15, 7, 1]
    assert total(both)["conv", "kernel"].tolist() == [2, 8, 7, 0]
