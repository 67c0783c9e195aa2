"""Structured probabilistic pruning: the penalty, and the life of one layer's groups."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import InternalError, UsageError
from edgeprune.prune.spp import (
    GroupState,
    Settings,
    centre,
    delta,
    delta_linear,
    delta_row,
    groups_to_remove,
    rate,
    simulate,
)
from tools.reproduce import spp_simulation

LAYERS = [(0.5, 100), (0.75, 288), (0.25, 64), (0.9, 1000), (0.1, 10)]
PLAIN = Settings(smoothing="none")


# The penalty (ALGORITHMS 1.3)


@pytest.mark.parametrize("row", spp_simulation.penalties(), ids=lambda r: f"{r['groups']}-{r['value']}")
def test_vectors(row: dict[str, Any]) -> None:
    assert row["equal"], row


@pytest.mark.parametrize("u", [0.1, 0.25, 0.6])
@pytest.mark.parametrize(("share", "groups"), LAYERS)
def test_properties(share: float, groups: int, u: float) -> None:
    amplitude, n = 0.05, share * groups
    middle = centre(n, u)
    assert delta(np.array(0.0), n, amplitude, u) == amplitude
    # both branches meet at the centre; beyond it by one rounding of N
    beyond = np.nextafter(middle, np.inf)
    assert float(delta(np.array(middle), n, amplitude, u)) == pytest.approx(u * amplitude, rel=1e-12)
    assert float(delta(np.array(beyond), n, amplitude, u)) == pytest.approx(u * amplitude, rel=1e-12)
    assert abs(float(delta(np.array(n), n, amplitude, u))) <= 1e-17
    x = np.linspace(0, middle, 101)
    both = delta(middle - x, n, amplitude, u) + delta(middle + x, n, amplitude, u)
    assert np.allclose(both, 2 * u * amplitude, rtol=1e-12)
    assert middle / n == pytest.approx(math.log(1 / u) / math.log(2 / u), rel=1e-12)
    ranks = np.arange(groups)
    found = delta(ranks, n, amplitude, u)
    clipped = rate(n, u) * (ranks - 2 * middle) >= 50  # where the exponent is cut off
    assert (np.diff(found)[~clipped[1:]] < 0).all()
    assert (found[ranks < n - 1e-9] > 0).all()
    assert (found[ranks > n + 1e-9] < 0).all()


def test_two_thirds_at_a_quarter() -> None:
    assert centre(30, 0.25) == pytest.approx(20, rel=1e-12)


def test_the_mean_is_held_inside_twice_the_centre_and_unbounded_beyond() -> None:
    inside = delta(np.linspace(0, 2 * centre(50, 0.25), 100_001), 50)
    assert inside.mean() == pytest.approx(0.25 * 0.05, rel=1e-9)
    assert delta(np.array(63), 16) == pytest.approx(-11.2150, abs=1e-4)
    assert delta(np.array(10_000), 1) < -1e19
    assert np.isfinite(delta(np.array([10**9]), 1)).all()


def test_linear_variant() -> None:
    assert delta_linear(np.array([0, 5, 10, 20]), 10, 0.05) == pytest.approx([0.05, 0.025, 0, -0.05])


def test_row_variant() -> None:
    found = delta_row(np.array([1.0, 2.0, 5.0, 7.0, 9.0]), 2, 0.05)
    assert found == pytest.approx([0.05, 0.0375, 0.0, -0.025, -0.05])
    assert delta_row(np.array([3.0, 3.0, 3.0, 4.0]), 2, 0.05) == pytest.approx([0.05, 0.05, 0.0, -0.05])
    assert delta_row(np.array([1.0, 2.0]), 2, 0.05) == pytest.approx([0.05, 0.05])
    assert delta_row(np.array([2.0, 2.0, 2.0]), 1, 0.05) == pytest.approx([0.05, 0.0, 0.0])


def test_settings_without_a_meaning() -> None:
    with pytest.raises(UsageError, match="must lie above 0"):
        Settings(amplitude=0.0)
    with pytest.raises(UsageError, match="must lie above 0"):
        Settings(u=2.0)
    with pytest.raises(UsageError, match="no static form"):
        Settings(penalty="row", target="static")


# The life of groups (1.4, 1.5, 1.9)


@pytest.mark.parametrize(
    "row", spp_simulation.lengths(), ids=lambda r: f"{r['groups']}-{r['form']}-{r['value']}"
)
def test_simulation(row: dict[str, Any]) -> None:
    assert row["equal"], row


def test_the_result_on_record_is_of_this_code() -> None:
    record = json.loads(spp_simulation.RESULT.read_text())
    assert record["equal"] is True
    found = [(row["value"], row["found"]) for row in record["updates_1_4"]]
    assert found == [(row["value"], row["found"]) for row in spp_simulation.lengths()]
    for old, new in zip(record["penalty_1_3"], spp_simulation.penalties(), strict=True):
        assert old["found"] == pytest.approx(new["found"], rel=1e-12, abs=1e-17)


FORMS = [  # the row penalty has no static form
    (penalty, target)
    for penalty in ("exponential", "linear", "row")
    for target in ("dynamic", "static")
    if (penalty, target) != ("row", "static")
]


@pytest.mark.parametrize("smoothing", ["none", "ema_score", "mean_rank"])
@pytest.mark.parametrize(("penalty", "target"), FORMS)
def test_invariants_under_random_norms(target: Any, smoothing: Any, penalty: Any) -> None:
    rng = np.random.default_rng(7)
    for groups, goes in ((40, 13), (40, 40), (9, 1), (1, 1)):
        state = GroupState(
            groups, goes, Settings(amplitude=0.3, penalty=penalty, target=target, smoothing=smoothing)
        )
        base, before = rng.exponential(size=groups), np.zeros(groups, dtype=bool)
        for _ in range(2000):
            missing = state.remaining
            state.observe(np.where(state.dead, 0, base * rng.uniform(0.7, 1.3, groups)))
            died = state.update()
            assert ((state.p >= 0) & (state.p <= 1)).all()
            assert (before <= state.dead).all()
            assert np.array_equal(died, state.dead & ~before)
            assert died.sum() <= missing
            assert state.dead.sum() <= goes
            assert np.array_equal(state.dead, state.p == 1)
            before = state.dead.copy()
        assert target == "static" or state.dead.sum() == goes


def test_the_largest_group_is_never_touched_and_recovers() -> None:
    state = GroupState(100, 50, PLAIN)
    norms = np.arange(100.0)
    for _ in range(60):
        state.observe(norms)
        state.update()
        assert state.p[99] == 0
    assert 0 < state.remaining < 50
    state.p[90] = 0.5
    state.observe(norms)
    state.update()
    assert state.p[90] < 0.5


@pytest.mark.parametrize(("share", "groups"), LAYERS)
def test_a_frozen_order_keeps_the_largest(share: float, groups: int) -> None:
    goes = groups_to_remove(share, groups)
    norms = np.random.default_rng(groups).permutation(groups) + 1.0
    state = GroupState(groups, goes, PLAIN)
    while state.remaining:
        state.observe(norms)
        state.update()
    assert np.array_equal(np.flatnonzero(state.dead), np.sort(np.argsort(norms)[:goes]))


def test_one_update_moves_p_by_the_penalty_of_the_rank() -> None:
    state = GroupState(100, 50, PLAIN)
    order = np.random.default_rng(3).permutation(100)
    norms = np.empty(100)
    norms[order] = np.arange(100.0)
    state.p[:] = 0.4
    state.observe(norms)
    state.update()
    assert state.p[order] == pytest.approx(0.4 + delta(np.arange(100), 50), abs=1e-15)


def test_the_dynamic_form_ranks_the_living_for_what_is_left() -> None:
    state = GroupState(10, 4, PLAIN)
    for group in (2, 5):
        state.kill(group)
    state.observe(np.arange(10.0))
    state.update()
    live = np.array([0, 1, 3, 4, 6, 7, 8, 9])
    assert state.p[live] == pytest.approx(np.clip(delta(np.arange(8), 2), 0, 1))


def test_the_static_form_leaves_the_dead_in_the_ranking() -> None:
    state = GroupState(10, 4, replace(PLAIN, target="static"))
    for group in (2, 5):
        state.kill(group)
    state.observe(np.arange(10.0))
    state.update()
    live = np.array([0, 1, 3, 4, 6, 7, 8, 9])
    assert state.p[live] == pytest.approx(np.clip(delta(np.arange(2, 10), 4), 0, 1))


def test_smoothing() -> None:
    first, second = np.array([1.0, 5.0, 3.0]), np.array([4.0, 2.0, 6.0])
    expected = {
        "none": second,
        "ema_score": 0.9 * first + second,
        "mean_rank": (np.array([0, 2, 1]) + np.array([1, 0, 2])) / 2,
    }
    for smoothing, h in expected.items():
        state = GroupState(3, 1, Settings(smoothing=smoothing))  # type: ignore[arg-type]
        state.observe(first)
        state.observe(second)
        assert state.h == pytest.approx(h), smoothing


def test_ten_additions_of_a_tenth_are_death() -> None:
    assert sum([0.1] * 10) < 1  # why death has a tolerance
    assert simulate(100, 50, replace(PLAIN, amplitude=0.1))[8:10] == [0, 1]


def test_edge_cases() -> None:
    rng = np.random.default_rng(0)
    nothing = GroupState(5, 0, PLAIN)
    nothing.observe(np.arange(5.0))
    assert not nothing.update().any()
    assert not nothing.is_active
    assert not nothing.p.any()
    assert nothing.sample(rng).all()
    for groups in (1, 6):
        everything = GroupState(groups, groups, PLAIN)
        while everything.remaining:
            everything.observe(np.ones(groups))
            everything.update()
        assert everything.dead.all()
        assert not everything.sample(rng).any()
        assert not everything.update().any()
    with pytest.raises(InternalError, match="6 of 5"):
        GroupState(5, 6, PLAIN)


def test_ties_go_by_place() -> None:
    for smoothing in ("none", "ema_score", "mean_rank"):
        state = GroupState(6, 2, Settings(smoothing=smoothing))  # type: ignore[arg-type]
        while state.remaining:
            state.observe(np.zeros(6))
            state.update()
        assert np.flatnonzero(state.dead).tolist() == [0, 1], smoothing


@pytest.mark.parametrize(
    ("share", "groups", "goes"), [(0, 7, 0), (1, 7, 7), (0.55, 100, 55), (0.501, 100, 51), (0.9, 1000, 900)]
)
def test_groups_to_remove(share: float, groups: int, goes: int) -> None:
    assert groups_to_remove(share, groups) == goes


def test_mask_mean_is_one_minus_p() -> None:
    state = GroupState(5, 3, PLAIN)
    state.p[:] = [0.0, 0.1, 0.5, 0.9, 1.0]
    rng, draws = np.random.default_rng(11), 100_000
    there = np.mean([state.sample(rng) for _ in range(draws)], axis=0)
    error = np.sqrt(state.p * (1 - state.p) / draws)
    assert (np.abs(there - (1 - state.p)) <= 3 * error).all()


def test_masks_follow_the_generator_alone() -> None:
    state = GroupState(200, 3, PLAIN)
    state.p[:] = 0.5
    one, same, other = (state.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_freezing_sets_survivors_free() -> None:
    state = GroupState(6, 2, PLAIN)
    state.p[:] = 0.5
    state.kill(3)
    state.freeze()
    assert state.p.tolist() == [0, 0, 0, 1, 0, 0]
    assert not state.is_active
    state.observe(np.arange(6.0))
    assert not state.update().any()
    assert state.p.tolist() == [0, 0, 0, 1, 0, 0]


def test_states_fit_only_their_groups() -> None:
    state = GroupState(6, 2, PLAIN)
    for other in (GroupState(7, 2, PLAIN), GroupState(6, 3, PLAIN)):
        with pytest.raises(InternalError, match="does not fit"):
            other.restore(state.state())
