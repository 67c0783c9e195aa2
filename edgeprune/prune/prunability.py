"""Prunability: the smallest fraction of the weights that can be kept before the training loss rises.

One shot, no retraining: weights are set to zero in a fixed order, the smallest magnitude first or at
random, and the loss may reach (1 + beta) times that of the whole network. Small is simple: the measure
is proposed as a predictor of generalisation, and says how far single weights (not channels, not MACs)
can go untrained. The loss need not rise steadily as weights go, so "smallest" has two readings:
`first_violation` walks down from all weights and stops at the first fraction that is too bad (the
default for decisions), `global_min` is the smallest good fraction anywhere.

It is not invariant to what leaves the function alone: scaling one ReLU layer by c and the next by 1/c
changes the order of magnitudes and so the measure, and so does folding a batch norm.

Confidence: for magnitude, the loss's examples are resampled (bootstrap, percentiles) and the measure is
read off the fractions that were evaluated; for random pruning, the draws are resampled.

Source:  Kuhn, Lyle, Gomez, Rothfuss and Gal, "Robustness to Pruning Predicts Generalization in Deep
         Neural Networks", 2021, arXiv:2103.06002; no code was published
Cost:    about 100 + 20 evaluations of the loss for magnitude, as many for each random draw
Differs: the reading of "min", the grid and its refinement, which weights and the tolerance's form are
         choices (ALGORITHMS.md 3.2); below the last point of the grid the search goes on down to one
         weight, all weights gone counting as too bad because the fraction is above zero
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeprune.errors import DataError, ModelError, UsageError

Array = npt.NDArray[Any]
Order = npt.NDArray[np.int64]
Tolerance = Literal["relative", "absolute"]
# The loss of given weights (d,): its mean, or one loss for each example (n,), whose mean counts.
Loss = Callable[[Array], "float | Array"]
# Whether the loss of given weights is within a limit; may stop looking as soon as that is certain.
Within = Callable[[Array, float], bool]


@dataclass(frozen=True)
class Settings:
    """How the measure is taken; the defaults are those of ALGORITHMS.md 3.2.

    grid        points 1, 1 - 1/grid, …, 1/grid
    bisections  halvings between the last good and the first bad point, at most
    draws       random orders
    resamples   of the bootstrap, for an interval of 95 %
    """

    beta: float = 0.1
    tolerance: Tolerance = "relative"
    grid: int = 100
    bisections: int = 10
    draws: int = 10
    resamples: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.beta < math.inf:
            raise UsageError(f"beta {self.beta} is not a tolerance", hint="a number from 0, such as 0.1")
        if self.tolerance not in ("relative", "absolute"):
            raise UsageError(f"tolerance {self.tolerance!r}", hint="relative or absolute")
        if self.grid < 1 or self.draws < 1 or self.resamples < 1 or self.bisections < 0:
            raise UsageError("grid, draws and resamples must be at least 1, bisections at least 0")

    def limit(self, loss: float, tolerance: Tolerance | None = None) -> float:
        """The loss that is just allowed where the whole network has `loss`."""
        is_relative = (tolerance or self.tolerance) == "relative"
        return (1 + self.beta) * loss if is_relative else loss + self.beta

    @property
    def other(self) -> Tolerance:
        """The form of tolerance that was not chosen; it is reported too."""
        return "absolute" if self.tolerance == "relative" else "relative"


@dataclass(frozen=True)
class Reading:
    """Prunability, in (0, 1], by both readings of "smallest"."""

    first_violation: float
    global_min: float


@dataclass(frozen=True)
class MagnitudeResult:
    """Prunability under magnitude pruning.

    parameters  d, the weights that were ranked
    curve       (fraction kept, loss) at every fraction evaluated, from 1 down; a loss may be infinite
    interval    of the first violation, 95 %; None where the loss came as one number
    other       the reading under the other form of tolerance, with the same beta
    """

    parameters: int
    loss: float
    limit: float
    reading: Reading
    other: Reading
    interval: tuple[float, float] | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RandomResult:
    """Prunability under random pruning: the mean over `draws`, and its interval of 95 %.

    `curve` is that of the first draw, as in MagnitudeResult.
    """

    parameters: int
    loss: float
    limit: float
    mean: Reading
    interval: tuple[float, float]
    draws: tuple[Reading, ...]
    curve: tuple[tuple[float, float], ...]


class Walk:
    """The losses along one order of removal: the first `kept` weights of `order` stay, others are 0."""

    def __init__(self, weights: Array, order: Order, loss: Loss) -> None:
        self.weights = weights
        self.order = order
        self._loss = loss
        self.samples: dict[int, Array] = {}

    @property
    def parameters(self) -> int:
        return len(self.weights)

    def masked(self, kept: int) -> Array:
        """The weights of which `kept` are left."""
        weights = self.weights.copy()
        weights[self.order[kept:]] = 0
        return weights

    def loss(self, kept: int) -> float:
        """The mean loss with `kept` weights; NaN counts as infinite. Evaluated once."""
        if kept not in self.samples:
            self.samples[kept] = np.atleast_1d(np.asarray(self._loss(self.masked(kept))))
        mean = float(np.mean(self.samples[kept], dtype=np.float64))
        return math.inf if math.isnan(mean) else mean

    def curve(self) -> tuple[tuple[float, float], ...]:
        kept = sorted(self.samples, reverse=True)
        return tuple((count / self.parameters, self.loss(count)) for count in kept)


def magnitude_order(weights: Array) -> Order:
    """Indices from the largest magnitude to the smallest; equal ones in their order."""
    return np.argsort(-np.abs(weights), kind="stable").astype(np.int64)


def grid_counts(parameters: int, points: int) -> list[int]:
    """ceil(alpha d) for alpha = 1, 1 - 1/points, …, 1/points, each once, descending."""
    return sorted({-(-i * parameters // points) for i in range(1, points + 1)}, reverse=True)


def search(parameters: int, is_good: Callable[[int], bool], settings: Settings) -> Reading:
    """Both readings for a network of `parameters` weights; keeping all of them is good."""
    counts = grid_counts(parameters, settings.grid)
    good = [True, *(is_good(count) for count in counts[1:])]
    first = next((i for i, value in enumerate(good) if not value), len(counts)) - 1
    smallest = max(i for i, value in enumerate(good) if value)

    def refine(index: int) -> float:
        best, bad = counts[index], counts[index + 1] if index + 1 < len(counts) else 0
        for _ in range(settings.bisections):
            if best - bad <= 1:
                break
            middle = (best + bad) // 2
            if is_good(middle):
                best = middle
            else:
                bad = middle
        return best / parameters

    return Reading(refine(first), refine(smallest))


def magnitude_prunability(
    weights: Array, loss: Loss, settings: Settings, rng: np.random.Generator
) -> MagnitudeResult:
    """Prunability when the smallest of `weights` (d,) go first, over all layers together.

    Raises DataError where the loss of the whole network is negative or no number.
    """
    walk = Walk(_checked(weights), magnitude_order(weights), loss)
    whole = _whole_loss(walk)
    readings = [
        search(walk.parameters, lambda kept, limit=limit: walk.loss(kept) <= limit, settings)  # type: ignore[misc]
        for limit in (settings.limit(whole), settings.limit(whole, settings.other))
    ]
    return MagnitudeResult(
        parameters=walk.parameters,
        loss=whole,
        limit=settings.limit(whole),
        reading=readings[0],
        other=readings[1],
        interval=_sample_interval(walk, settings, rng),
        curve=walk.curve(),
    )


def random_prunability(
    weights: Array,
    loss: Loss,
    settings: Settings,
    rng: np.random.Generator,
    within: Within | None = None,
) -> RandomResult:
    """Prunability when random weights go; masks of a draw are nested, P is the mean over draws of P(draw).

    `within` decides for all draws but the first, whose losses are on record; without it the loss does.
    Raises DataError as `magnitude_prunability` does.
    """
    whole = math.nan
    curve: tuple[tuple[float, float], ...] = ()
    readings = []
    for draw in range(settings.draws):
        walk = Walk(_checked(weights), rng.permutation(len(weights)).astype(np.int64), loss)
        if draw == 0:
            whole = _whole_loss(walk)
        limit = settings.limit(whole)

        def is_good(kept: int, walk: Walk = walk, limit: float = limit, exact: bool = draw == 0) -> bool:
            if exact or within is None:
                return walk.loss(kept) <= limit
            return within(walk.masked(kept), limit)

        readings.append(search(walk.parameters, is_good, settings))
        if draw == 0:
            curve = walk.curve()
    first = np.array([reading.first_violation for reading in readings])
    smallest = np.array([reading.global_min for reading in readings])
    means = rng.choice(first, (settings.resamples, len(first))).mean(axis=1)
    return RandomResult(
        parameters=len(weights),
        loss=whole,
        limit=settings.limit(whole),
        mean=Reading(float(first.mean()), float(smallest.mean())),
        interval=_percentiles(means),
        draws=tuple(readings),
        curve=curve,
    )


def _checked(weights: Array) -> Array:
    if weights.ndim != 1 or not len(weights):
        raise ModelError("there are no weights to prune: prunability ranks conv and dense kernels")
    return weights


def _whole_loss(walk: Walk) -> float:
    loss = walk.loss(walk.parameters)
    if not 0 <= loss < math.inf:
        raise DataError(
            f"the network's loss is {loss}: a tolerance has no meaning there",
            hint="check the data, their --scale and that the model's weights are finite",
        )
    return loss


def _sample_interval(walk: Walk, settings: Settings, rng: np.random.Generator) -> tuple[float, float] | None:
    """Percentiles of the first violation over resampled examples, at the fractions evaluated."""
    counts = sorted(walk.samples, reverse=True)
    losses = np.stack([walk.samples[count] for count in counts]).astype(np.float64)
    losses[~np.isfinite(losses)] = np.finfo(np.float32).max
    examples = losses.shape[1]
    if examples < 2:
        return None
    found = np.empty(settings.resamples)
    for i in range(settings.resamples):
        share = rng.multinomial(examples, np.full(examples, 1 / examples)) / examples
        means = losses @ share
        is_bad = means > settings.limit(float(means[0]))
        is_bad[0] = False
        last = int(is_bad.argmax()) - 1 if is_bad.any() else len(counts) - 1
        found[i] = counts[last] / walk.parameters
    return _percentiles(found)


def _percentiles(values: Array | Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
