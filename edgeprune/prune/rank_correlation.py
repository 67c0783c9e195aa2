"""How well one measure orders networks as another does: Kendall's tau and what refines it.

Kendall's tau counts pairs of networks that both order alike. A measure that only follows one
hyperparameter (width, say) can have a large tau and know nothing else; the granulated tau looks along
one axis at a time, and the conditional mutual information asks what the order of a pair tells once the
pair's hyperparameters are known.

Source:  Kendall, "A New Measure of Rank Correlation", 1938 (tau-b for ties: 1945); Jiang et al.,
         "Fantastic Generalization Measures and Where to Find Them", 2020, arXiv:1912.02178, section 3
Cost:    O(n^2) pairs of n networks; conditional mutual information times the number of axis pairs
Differs: groups of one network, and groups in which a measure or the generalisation is constant, are
         left out of the granulated tau, and axes without a group left are left out of its mean; a tie
         is a third value of the sign; pairs are ordered, so that nothing hangs on which net comes
         first; information is estimated from counts, which overstates it where few pairs share their
         hyperparameters
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError

Values = npt.NDArray[np.float64]
Hyperparameters = Sequence[Mapping[str, object]]

_MOST_CONDITIONS = 2


@dataclass(frozen=True)
class Interval:
    """A value and its bootstrap interval of 95 %, over `count` networks."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Granulated:
    """Mean tau along each axis, None where the axis has no group; `mean` is over the axes that have one."""

    mean: float | None
    axes: Mapping[str, float | None]


def kendall(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Kendall's tau-b of two equally long sequences; None where one of them is constant."""
    from scipy.stats import kendalltau

    a, b = _pair(first, second)
    if len(a) < 2 or np.all(a == a[0]) or np.all(b == b[0]):
        return None
    return float(kendalltau(a, b).statistic)


def kendall_interval(
    first: npt.ArrayLike, second: npt.ArrayLike, rng: np.random.Generator, resamples: int = 2000
) -> Interval | None:
    """Tau with the percentiles of networks drawn with replacement; None where tau is.

    A network that is drawn twice is tied with itself. Draws in which a measure is constant do not count.
    """
    a, b = _pair(first, second)
    value = kendall(a, b)
    if value is None:
        return None
    count = len(a)
    times = rng.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    signs_a, signs_b = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    agreed, apart_a, apart_b = (
        ((times @ pairs) * times).sum(axis=1) for pairs in (signs_a * signs_b, signs_a**2, signs_b**2)
    )
    has_order = apart_a * apart_b > 0
    found = agreed[has_order] / np.sqrt(apart_a * apart_b)[has_order]
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(value, float(low), float(high), count)


def granulated(first: npt.ArrayLike, second: npt.ArrayLike, nets: Hyperparameters) -> Granulated:
    """Tau among networks that differ in one axis of `nets` alone: its mean per axis, and over axes."""
    a, b = _pair(first, second)
    names = _axes(nets, len(a))
    axes: dict[str, float | None] = {}
    for axis in names:
        groups: dict[tuple[object, ...], list[int]] = {}
        for index, net in enumerate(nets):
            groups.setdefault(tuple(net[name] for name in names if name != axis), []).append(index)
        taus = [kendall(a[group], b[group]) for group in groups.values()]
        known = [tau for tau in taus if tau is not None]
        axes[axis] = float(np.mean(known)) if known else None
    whole = [value for value in axes.values() if value is not None]
    return Granulated(float(np.mean(whole)) if whole else None, axes)


def conditional_information(
    first: npt.ArrayLike, second: npt.ArrayLike, nets: Hyperparameters
) -> float | None:
    """min over at most two axes S of I(V_first; V_second | U_S) / H(V_second | U_S), from 0 to 1.

    V is the sign of the difference of a pair of networks, U_S the pair's values on S. None where
    `second` orders no pair whatever is known.
    """
    a, b = _pair(first, second)
    names = _axes(nets, len(a))
    left, right = _ordered_pairs(len(a))
    signs_a, signs_b = np.sign(a[left] - a[right]), np.sign(b[left] - b[right])
    found = []
    for size in range(_MOST_CONDITIONS + 1):
        for chosen in itertools.combinations(names, size):
            known = [tuple(str(net[name]) for name in chosen) for net in nets]
            labels = np.unique(np.array(["|".join(key) for key in known]), return_inverse=True)[1]
            condition = labels[left] * (labels.max() + 1) + labels[right]
            information, entropy = _information(signs_a, signs_b, condition)
            if entropy > 0:
                found.append(information / entropy)
    return min(1.0, *found) if found else None


def mutual_information(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """I(V_first; V_second) / H(V_second): how much of the order by `second` the first one tells."""
    return conditional_information(first, second, [{} for _ in np.asarray(first)])


def adjusted_r2(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Adjusted R^2 of a straight line through `second` over `first`; None where that has no meaning."""
    a, b = _pair(first, second)
    if len(a) < 3 or np.all(a == a[0]) or np.all(b == b[0]):
        return None
    r2 = float(np.corrcoef(a, b)[0, 1] ** 2)
    return 1 - (1 - r2) * (len(a) - 1) / (len(a) - 2)


def _information(a: Values, b: Values, condition: npt.NDArray[np.int64]) -> tuple[float, float]:
    """I(a; b | condition) and H(b | condition) in bits, from counts."""
    _, group = np.unique(condition, return_inverse=True)
    counts = np.zeros((group.max() + 1, 3, 3))
    np.add.at(counts, (group, a.astype(int) + 1, b.astype(int) + 1), 1)
    total = counts.sum()
    joint = _entropy(counts, total)
    only_a = _entropy(counts.sum(axis=2), total)
    only_b = _entropy(counts.sum(axis=1), total)
    alone = _entropy(counts.sum(axis=(1, 2)), total)
    entropy = only_b - alone
    information = only_a + only_b - joint - alone
    rounding = 1e-12 * max(1.0, math.log2(total))
    return max(0.0, information), entropy if entropy > rounding else 0.0


def _entropy(counts: npt.NDArray[np.float64], total: float) -> float:
    share = counts[counts > 0] / total
    return float(-(share * np.log2(share)).sum())


def _ordered_pairs(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    left, right = np.nonzero(~np.eye(count, dtype=bool))
    return left, right


def _pair(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Values, Values]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise UsageError(f"two sequences of one length are compared, not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UsageError("a measure is not finite", hint="leave that network out and say so")
    return a, b


def _axes(nets: Hyperparameters, count: int) -> list[str]:
    if len(nets) != count:
        raise UsageError(f"{count} values, but hyperparameters of {len(nets)} networks")
    return list(nets[0]) if nets else []
