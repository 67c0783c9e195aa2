"""Prunability: the vectors and invariants of ALGORITHMS.md 3.3, on losses that are known exactly."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from edgeprune.errors import DataError, ModelError, UsageError
from edgeprune.prune.prunability import (
    MagnitudeResult,
    Reading,
    Settings,
    grid_counts,
    magnitude_order,
    magnitude_prunability,
    random_prunability,
    search,
)

Array = np.ndarray
VECTOR = np.array([4.0, 3.0, 0.1, 0.05])


def diagonal_loss(targets: Array) -> Callable[[Array], float]:
    """f(e_i) = w_i on the unit vectors, mean squared error."""
    return lambda w: float(np.mean((w - targets) ** 2))


def relu_loss(first: Array, second: Array) -> Callable[[Array], Array]:
    """Squared errors of input -> ReLU -> output; targets are those of the weights given, and noise."""
    rng = np.random.default_rng(9)
    x, noise = rng.normal(size=(64, len(first))), rng.normal(size=64) * 0.3

    def run(w: Array) -> Array:
        hidden = np.maximum(x @ w[: first.size].reshape(first.shape), 0)
        return hidden @ w[first.size :]

    targets = run(flat(first, second)) + noise
    return lambda w: (run(w) - targets) ** 2


def two_layers(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 6)), rng.normal(size=6)


def flat(first: Array, second: Array) -> Array:
    return np.concatenate([first.ravel(), second.ravel()])


def measure(w: Array, loss: Callable[[Array], object], **settings: object) -> MagnitudeResult:
    return magnitude_prunability(w, loss, Settings(**settings), np.random.default_rng(0))


# --- the vector of 3.3


def test_losses_of_the_vector() -> None:
    result = measure(VECTOR, diagonal_loss(VECTOR + 0.5))
    losses = dict(result.curve)
    assert result.loss == pytest.approx(0.25)
    assert losses[3 / 4] == pytest.approx(0.263125)
    assert losses[2 / 4] == pytest.approx(0.290625)
    assert losses[1 / 4] > 3


@pytest.mark.parametrize(("beta", "kept"), [(0.01, 4), (0.1, 3), (0.2, 2)])
def test_prunability_of_the_vector(beta: float, kept: int) -> None:
    result = measure(VECTOR, diagonal_loss(VECTOR + 0.5), beta=beta)
    assert result.reading == Reading(kept / 4, kept / 4)
    assert result.limit == pytest.approx((1 + beta) * 0.25)


def test_absolute_tolerance_adds() -> None:
    """0.25 + 0.02 allows 0.263, not 0.291; relative 0.02 allows neither."""
    absolute = measure(VECTOR, diagonal_loss(VECTOR + 0.5), beta=0.02, tolerance="absolute")
    assert absolute.limit == pytest.approx(0.27)
    assert absolute.reading.first_violation == 3 / 4
    assert absolute.other.first_violation == 1
    relative = measure(VECTOR, diagonal_loss(VECTOR + 0.5), beta=0.02)
    assert (relative.reading, relative.other) == (absolute.other, absolute.reading)


# --- search: grid, refinement, both readings


def test_grid_is_the_ceiling_of_whole_hundredths() -> None:
    assert grid_counts(4, 100) == [4, 3, 2, 1]
    assert grid_counts(100, 100) == list(range(100, 0, -1))  # 0.07 * 100 > 7 in floating point
    assert grid_counts(1000, 100)[:3] == [1000, 990, 980]
    assert grid_counts(150, 100)[-2:] == [3, 2]


@pytest.mark.parametrize("least", [1, 7, 5000, 5003, 9_999, 12_345, 99_999, 100_000])
def test_refinement_finds_the_one_weight(least: int) -> None:
    found = search(100_000, lambda kept: kept >= least, Settings())
    assert found == Reading(least / 100_000, least / 100_000)


def test_refinement_stops_after_its_steps() -> None:
    found = search(1000, lambda kept: kept >= 501, Settings(grid=1, bisections=2))
    assert found.first_violation == 750 / 1000


def test_both_readings_of_the_smallest() -> None:
    """Good at 61 % and above, and again from 20 % to 30 %."""
    found = search(100, lambda kept: kept >= 61 or 20 <= kept <= 30, Settings())
    assert found == Reading(0.61, 0.20)


def test_keeping_everything_is_always_good() -> None:
    assert search(50, lambda kept: False, Settings()) == Reading(1, 1)


def test_one_weight_is_the_least() -> None:
    assert search(1000, lambda kept: True, Settings()) == Reading(0.001, 0.001)


# --- invariants


@pytest.mark.parametrize("seed", range(6))
def test_never_larger_for_more_tolerance(seed: int) -> None:
    first, second = two_layers(seed)
    loss = relu_loss(first, second)
    found = [
        measure(flat(first, second), loss, beta=beta, grid=7, resamples=1).reading
        for beta in np.geomspace(0.001, 100, 60)
    ]
    for name in ("first_violation", "global_min"):
        values = [getattr(reading, name) for reading in found]
        assert values == sorted(values, reverse=True)
        assert all(0 < value <= 1 for value in values)
        assert values[0] > values[-1]  # else nothing was seen
    assert all(reading.global_min <= reading.first_violation for reading in found)


def test_beta_0_prunes_what_is_harmless() -> None:
    w = np.array([3.0, 0.0, -2.0, 0.0, 1.0])
    assert measure(w, diagonal_loss(w + 0.5), beta=0).reading.first_violation == 3 / 5
    helpful = diagonal_loss(np.array([3.5, 0.5, -1.5, 0.5, 0.4]))  # the loss is the least without the 1
    assert measure(w, helpful, beta=0).reading.first_violation == 2 / 5


def test_zero_weights_halve_it() -> None:
    rng = np.random.default_rng(3)
    w = rng.normal(size=40)
    loss = diagonal_loss(w + 0.5)
    plain = measure(w, loss)
    padded = measure(np.concatenate([np.zeros(20), w, np.zeros(20)]), lambda v: loss(v[20:60]))
    assert padded.parameters == 2 * plain.parameters
    assert padded.reading.first_violation == plain.reading.first_violation / 2
    assert plain.reading.first_violation < 1


def test_permuted_neurons_change_nothing() -> None:
    first, second = two_layers(1)
    order = np.random.default_rng(2).permutation(6)
    loss = relu_loss(first, second)
    plain = measure(flat(first, second), loss, beta=0.3)
    permuted = measure(flat(first[:, order], second[order]), loss, beta=0.3)
    assert permuted.reading == plain.reading
    assert 0 < plain.reading.first_violation < 1


def test_relu_rescaling_changes_it() -> None:
    """The known weakness: the same function, other magnitudes."""
    first, second = two_layers(1)
    loss = relu_loss(first, second)
    plain = measure(flat(first, second), loss, beta=0.3)
    scaled = measure(flat(first * 20, second / 20), loss, beta=0.3)
    assert scaled.loss == pytest.approx(plain.loss)
    assert scaled.reading != plain.reading


def test_sign_and_scale_of_all_weights_do_not_matter_to_the_order() -> None:
    w = np.random.default_rng(0).normal(size=30)
    assert (magnitude_order(-3 * w) == magnitude_order(w)).all()
    assert list(magnitude_order(np.array([1.0, -2.0, 1.0, 2.0]))) == [1, 3, 0, 2]


# --- random pruning


def test_random_is_the_mean_over_draws_of_nested_masks() -> None:
    w = np.ones(40)
    seen: list[Array] = []

    def loss(v: Array) -> float:
        seen.append(v != 0)
        return 1 + np.mean(v[:10] == 0)  # only the first ten weights matter

    result = random_prunability(w, loss, Settings(beta=0.25, draws=10), np.random.default_rng(1))
    values = [draw.first_violation for draw in result.draws]
    assert result.mean.first_violation == pytest.approx(np.mean(values))
    assert len(set(values)) > 1
    low, high = result.interval
    assert min(values) <= low < result.mean.first_violation < high <= max(values)
    width = 2 * 1.96 * np.std(values) / np.sqrt(10)  # of a mean, not of a draw
    assert high - low == pytest.approx(width, rel=0.15)
    first = sorted(seen[: len(result.curve)], key=np.sum)
    assert all((small <= large).all() for small, large in itertools.pairwise(first))


def test_random_by_a_quick_judge_is_the_same() -> None:
    w = np.random.default_rng(0).normal(size=60)
    loss = diagonal_loss(w + 0.5)
    settings = Settings(beta=0.5, draws=4)
    slow = random_prunability(w, loss, settings, np.random.default_rng(2))
    asked: list[float] = []

    def within(v: Array, limit: float) -> bool:
        asked.append(limit)
        return loss(v) <= limit

    quick = random_prunability(w, loss, settings, np.random.default_rng(2), within)
    assert quick == slow
    assert set(asked) == {slow.limit}


def test_random_of_equal_weights_is_as_magnitude() -> None:
    """Where any weight is as good as another, orders cannot differ."""
    w = np.ones(50)

    def loss(v: Array) -> float:
        return 1 + float(np.mean(v == 0))

    by_magnitude = measure(w, loss, beta=0.3).reading
    by_chance = random_prunability(w, loss, Settings(beta=0.3), np.random.default_rng(0))
    assert set(by_chance.draws) == {by_magnitude}
    assert by_chance.interval == pytest.approx((0.7, 0.7))
    assert by_magnitude == Reading(0.7, 0.7)


# --- confidence


def test_interval_comes_from_resampled_examples() -> None:
    """One example in ten needs half of the weights: resamples without it allow more pruning."""
    w = np.linspace(2, 1, 20)

    def loss(v: Array) -> Array:
        losses = np.ones(10)
        losses[0] += 5.0 * max(0, 10 - np.count_nonzero(v))
        losses[1:] += 0.02 * (20 - np.count_nonzero(v))
        return losses

    result = measure(w, loss, beta=0.31)
    assert result.interval is not None
    low, high = result.interval
    assert low < result.reading.first_violation <= high
    assert low == 5 / 20  # only the slow rise is left: 0.02 * 15 < 0.31 < 0.02 * 16
    again = measure(w, loss, beta=0.31)
    assert again.interval == result.interval


def test_the_limit_is_that_of_the_resample() -> None:
    """Hard and easy examples whose losses rise alike: which ones are drawn makes no difference."""
    w = np.linspace(2, 1, 20)
    hardness = np.random.default_rng(0).exponential(size=40)
    result = measure(w, lambda v: hardness * (1 + np.mean(v == 0)), beta=0.27)
    assert result.interval == (0.75, 0.75)


def test_no_spread_no_width_and_one_number_no_interval() -> None:
    w = np.linspace(2, 1, 20)
    equal = measure(w, lambda v: np.full(50, 1 + np.mean(v == 0)), beta=0.27)
    assert equal.interval == (equal.reading.first_violation,) * 2 == (0.75, 0.75)
    assert measure(w, lambda v: 1 + np.mean(v == 0)).interval is None


# --- what is refused, and what is not a number


def test_nan_is_a_violation() -> None:
    w = np.arange(1.0, 11.0)
    result = measure(w, lambda v: np.nan if np.count_nonzero(v) < 6 else 1.0)
    assert result.reading == Reading(0.6, 0.6)
    assert dict(result.curve)[0.5] == math.inf


@pytest.mark.parametrize("loss", [math.nan, math.inf, -1.0])
def test_a_loss_without_meaning_is_refused(loss: float) -> None:
    with pytest.raises(DataError, match="loss is"):
        measure(np.ones(3), lambda v: loss)


def test_no_weights_are_refused() -> None:
    with pytest.raises(ModelError, match="no weights"):
        measure(np.ones(0), lambda v: 1.0)


@pytest.mark.parametrize(
    "wrong",
    [{"beta": -0.1}, {"beta": math.nan}, {"beta": math.inf}, {"grid": 0}, {"draws": 0}, {"bisections": -1}],
)
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Settings(**wrong)


def test_each_fraction_is_evaluated_once() -> None:
    calls: list[int] = []

    def loss(v: Array) -> float:
        calls.append(np.count_nonzero(v))
        return 1 + float(np.mean(v == 0))

    measure(np.ones(500), loss, beta=0.333)
    assert len(calls) == len(set(calls))
    assert len(calls) <= 100 + 4 * 10
