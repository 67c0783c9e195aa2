"""Rank correlation: the vectors of ALGORITHMS.md 3.4, and what each statistic must see and not see."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from edgeprune.errors import UsageError
from edgeprune.prune.rank_correlation import (
    adjusted_r2,
    conditional_information,
    granulated,
    kendall,
    kendall_interval,
    mutual_information,
)

WIDTHS, RATES = (8, 16, 32), (0.1, 0.2, 0.3, 0.4)
NETS = [{"width": width, "rate": rate} for width, rate in itertools.product(WIDTHS, RATES)]


def tau_by_pairs(a: Sequence[float], b: Sequence[float]) -> float:
    """Tau-b by its definition."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in pairs]
    agreed = sum(float(x * y) for x, y in signs)
    return agreed / np.sqrt(sum(x != 0 for x, _ in signs) * sum(y != 0 for _, y in signs))


# --- Kendall's tau


def test_vector() -> None:
    assert kendall((1, 2, 3, 4), (1, 3, 2, 4)) == pytest.approx(0.6667, abs=1e-4)


def test_tau_of_the_same_and_the_opposite_order() -> None:
    assert kendall((1, 5, 9), (2, 3, 40)) == pytest.approx(1)
    assert kendall((1, 5, 9), (7, 3, 1)) == pytest.approx(-1)


def test_ties_are_tau_b() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 4, 12), rng.integers(0, 4, 12)
        assert kendall(a, b) == pytest.approx(tau_by_pairs(a, b))
    assert kendall((1, 1, 2), (1, 2, 3)) == pytest.approx(2 / np.sqrt(6))


def test_a_constant_has_no_tau() -> None:
    assert kendall((1, 1, 1), (1, 2, 3)) is None
    assert kendall((1, 2, 3), (4, 4, 4)) is None
    assert kendall((1,), (2,)) is None


def test_interval_holds_the_value_and_narrows() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)
    few = kendall_interval(x[:20], y[:20], np.random.default_rng(0), 400)
    many = kendall_interval(x, y, np.random.default_rng(0), 400)
    assert few is not None
    assert many is not None
    assert few.low < few.value < few.high
    assert 0.25 < many.low < many.value == kendall(x, y) < many.high < 0.75
    assert many.high - many.low < 0.6 * (few.high - few.low)
    assert (few.count, many.count) == (20, 200)
    assert kendall_interval(x, y, np.random.default_rng(0), 400) == many


def test_interval_is_that_of_tau_over_drawn_networks() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 6, 15), rng.normal(size=15)
    times = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15), 60)
    taus = [tau_by_pairs(np.repeat(x, n), np.repeat(y, n)) for n in times]
    found = kendall_interval(x, y, np.random.default_rng(0), 60)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(np.percentile(taus, [2.5, 97.5]))


# --- granulated tau


def test_granulated_sees_one_axis_at_a_time() -> None:
    """The measure is right along the width and wrong along the rate; the width spreads far more."""
    g = [100 * net["width"] + net["rate"] for net in NETS]
    mu = [100 * net["width"] - net["rate"] for net in NETS]
    found = granulated(mu, g, NETS)
    assert found.axes == {"width": pytest.approx(1), "rate": pytest.approx(-1)}
    assert found.mean == pytest.approx(0)
    assert kendall(mu, g) > 0.4


def test_granulated_is_the_mean_of_the_groups() -> None:
    """Right for one width, wrong for another, half for the third."""
    flips = {8: (1, 2, 3, 4), 16: (4, 3, 2, 1), 32: (1, 3, 2, 4)}
    g = [net["rate"] for net in NETS]
    mu = [flips[net["width"]][RATES.index(net["rate"])] for net in NETS]
    assert granulated(mu, g, NETS).axes["rate"] == pytest.approx((1 - 1 + 2 / 3) / 3)


def test_granulated_skips_what_says_nothing() -> None:
    """Along the width g is constant; a net of its own has no group; a constant group is left out."""
    g = [net["rate"] for net in NETS]
    assert granulated(g, g, NETS).axes == {"width": None, "rate": pytest.approx(1)}
    assert granulated(g, g, NETS).mean == pytest.approx(1)
    mu = [0.0 if net["width"] == 8 else net["rate"] for net in NETS]
    assert granulated(mu, g, NETS).axes["rate"] == pytest.approx(1)
    lonely = [*NETS, {"width": 64, "rate": 0.9}]
    assert granulated([*g, -5], [*g, 5], lonely) == granulated(g, g, NETS)
    assert granulated([1, 2], [1, 2], [{"a": 1, "b": 1}, {"a": 2, "b": 2}]).mean is None


# --- conditional mutual information


def test_information_of_g_in_itself_is_1() -> None:
    g = np.random.default_rng(0).normal(size=len(NETS))
    assert conditional_information(g, g, NETS) == pytest.approx(1)
    assert conditional_information(np.exp(g), g, NETS) == pytest.approx(1)  # only the order counts
    assert conditional_information(-g, g, NETS) == pytest.approx(1)


def independent() -> tuple[list[dict[str, object]], list[int], list[int]]:
    """All four pairs of values at each width, so that the measure says nothing of g there."""
    rows = list(itertools.product(WIDTHS, (0, 1), (0, 1)))
    return [{"width": w} for w, _, _ in rows], [m for _, m, _ in rows], [g for _, _, g in rows]


def test_information_of_an_independent_measure_is_0() -> None:
    """At a pair's two widths every combination of the four values is there, as often as any other."""
    nets, mu, g = independent()
    copies = 12  # a net is no pair with itself: the share of such pairs, and the error, goes as 1 / copies
    found = conditional_information(mu * copies, g * copies, nets * copies)
    assert found == pytest.approx(0, abs=2e-3)


def test_information_that_only_the_width_gives_is_0() -> None:
    """A measure of the width alone has a good tau, but tells nothing once widths are known."""
    rng = np.random.default_rng(0)
    g = [net["width"] + rng.normal() for net in NETS]
    mu = [net["width"] for net in NETS]
    assert kendall(mu, g) > 0.7
    assert mutual_information(mu, g) > 0.3
    assert conditional_information(mu, g, NETS) == pytest.approx(0, abs=1e-9)


def test_information_beyond_the_width_is_kept() -> None:
    rng = np.random.default_rng(0)
    nets = NETS * 3
    g = np.array([net["width"] for net in nets]) + rng.normal(size=len(nets))
    whole = conditional_information(g, g, nets)
    partly = conditional_information(g + rng.normal(size=len(g)), g, nets)
    assert 0.01 < partly < 0.9 < whole


def test_information_by_hand() -> None:
    """Four nets, g = 1..4, mu = (1, 2, 4, 3): 10 of 12 ordered pairs agree; I = 1 - H2(1/6) bits."""
    share = 1 / 6
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert mutual_information((1, 2, 4, 3), (1, 2, 3, 4)) == pytest.approx(1 - entropy)


def test_conditions_are_at_most_two() -> None:
    """A measure of three axes tells nothing more when all three are known; with two, it still does."""
    cube = list(itertools.product((0, 1), repeat=3))
    nets = [dict(zip("abc", point, strict=True)) for point in cube]
    g = [4 * a + 2 * b + c for a, b, c in cube]
    assert conditional_information(g, g, nets) == pytest.approx(1)
    assert conditional_information([0.0] * 8, g, nets) == 0
    assert conditional_information(g, [0.0] * 8, nets) is None
    noisy = np.repeat(g, 3) + np.random.default_rng(0).normal(size=24) * 0.1
    repeated = [net for net in nets for _ in range(3)]
    found = conditional_information(np.repeat(g, 3), noisy, repeated)
    assert found is not None
    assert found > 0.05


def test_order_of_the_networks_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    g, mu = rng.normal(size=(2, len(NETS)))
    mixed = rng.permutation(len(NETS))
    nets = [NETS[i] for i in mixed]
    assert conditional_information(mu[mixed], g[mixed], nets) == pytest.approx(
        conditional_information(mu, g, NETS)
    )
    assert granulated(mu[mixed], g[mixed], nets).mean == pytest.approx(granulated(mu, g, NETS).mean)


# --- the line, and what is refused


def test_adjusted_r2() -> None:
    x = np.arange(10.0)
    assert adjusted_r2(x, 3 - 2 * x) == pytest.approx(1)
    y = np.array([1.0, -1.0] * 5)
    r2 = np.corrcoef(x, y)[0, 1] ** 2
    assert adjusted_r2(x, y) == pytest.approx(1 - (1 - r2) * 9 / 8)
    assert adjusted_r2(x, np.ones(10)) is None


@pytest.mark.parametrize(("a", "b"), [((1, 2), (1, 2, 3)), ((1, np.nan), (1, 2)), ((1, 2), (np.inf, 2))])
def test_what_cannot_be_compared_is_refused(a: Sequence[float], b: Sequence[float]) -> None:
    with pytest.raises(UsageError):
        kendall(a, b)


def test_every_network_needs_its_hyperparameters() -> None:
    with pytest.raises(UsageError, match="2 values"):
        granulated((1, 2), (1, 2), NETS)
