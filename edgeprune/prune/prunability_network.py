"""Prunability of a whole network on examples, with the comparators that it stands beside.

Cost: on top of the operators asked for, 450 passes over `NOISE_SAMPLES` examples for the comparators
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from edgeprune.graph.ir import Graph
from edgeprune.graph.keras_out import to_keras
from edgeprune.prune.comparators import Complexity, Noise, complexity, margin, noise, norms
from edgeprune.prune.comparators_fold import fold
from edgeprune.prune.prunability import (
    Array,
    MagnitudeResult,
    RandomResult,
    Reading,
    Settings,
    magnitude_prunability,
    random_prunability,
)
from edgeprune.prune.prunability_keras import network_loss

Operator = Literal["magnitude", "random", "both"]

NOISE_SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Examples:
    """What the loss is taken on: `x` (n, *input shape), classes `y` (n,)."""

    x: Array
    y: Array

    def first(self, count: int) -> "Examples":
        return Examples(self.x[:count], self.y[:count])


@dataclass(frozen=True)
class Comparison:
    """The comparators of one network, and the margin and noises that some of them come from."""

    complexity: Complexity
    margin: float
    noise: Noise


@dataclass(frozen=True)
class Report:
    """What was measured; an operator that was not asked for is None. `is_folded`: batch norms were."""

    settings: Settings
    samples: int
    is_folded: bool
    magnitude: MagnitudeResult | None
    random: RandomResult | None
    comparison: Comparison | None

    @property
    def main(self) -> MagnitudeResult | RandomResult:
        """By magnitude where that was measured."""
        result = self.magnitude or self.random
        assert result is not None
        return result

    @property
    def reading(self) -> Reading:
        return self.magnitude.reading if self.magnitude else self.random.mean  # type: ignore[union-attr]

    def to_json(self) -> dict[str, Any]:
        """As INTERFACE.md has it: fractions of the weights, losses, null where there is no value."""
        main, magnitude = self.main, self.magnitude
        return {
            "prunability": {**asdict(self.reading), "interval": _list(main.interval)},
            "operator": "magnitude" if magnitude else "random",
            "beta": self.settings.beta,
            "tolerance": self.settings.tolerance,
            "grid": self.settings.grid,
            "folded": self.is_folded,
            "samples": self.samples,
            "parameters": main.parameters,
            "loss": main.loss,
            "loss_limit": main.limit,
            "curve": _curve(main.curve),
            "other_tolerance": None
            if magnitude is None
            else {"tolerance": self.settings.other, **asdict(magnitude.other)},
            "random": None if self.random is None else _random(self.random),
            "comparators": None if self.comparison is None else asdict(self.comparison.complexity),
            "margin": None if self.comparison is None else self.comparison.margin,
            "noise": None if self.comparison is None else asdict(self.comparison.noise),
        }


def measure(
    graph: Graph,
    examples: Examples,
    settings: Settings,
    seed: int,
    operator: Operator = "magnitude",
    *,
    is_folded: bool = False,
    jit: bool = False,
) -> Report:
    """Prunability of `graph` on `examples`, without the comparators."""
    magnitude, random = None, None
    with network_loss(to_keras(fold(graph) if is_folded else graph), examples.x, examples.y, jit) as loss:
        if operator in ("magnitude", "both"):
            magnitude = magnitude_prunability(loss.weights, loss, settings, np.random.default_rng([seed, 0]))
        if operator in ("random", "both"):
            rng = np.random.default_rng([seed, 1])
            random = random_prunability(loss.weights, loss, settings, rng, loss.is_within)
    return Report(settings, len(examples.y), is_folded, magnitude, random, None)


def compare(
    graph: Graph,
    examples: Examples,
    report: Report,
    seed: int,
    *,
    initial: Graph | None = None,
    loss_sum: float | None = None,
    jit: bool = False,
) -> Comparison:
    """The comparators; `initial` (before training) and `loss_sum` (while training) make all of them known."""
    folded = fold(graph)
    model = to_keras(folded)
    with network_loss(model, examples.x, examples.y, jit) as loss:
        gap = margin(loss.scores(loss.weights), loss.classes)
    few = examples.first(NOISE_SAMPLES)
    with network_loss(model, few.x, few.y, jit) as loss:
        borne = noise(loss.weights, loss.accuracy, loss, report.settings.beta, seed, len(few.y))
    sizes = norms(folded, None if initial is None else fold(initial))
    row = complexity(
        report.main.parameters,
        report.reading.first_violation,
        sizes,
        borne,
        gap,
        len(examples.y),
        loss_sum,
    )
    return Comparison(row, gap, borne)


def _random(result: RandomResult) -> dict[str, Any]:
    return {
        **asdict(result.mean),
        "interval": list(result.interval),
        "draws": [asdict(draw) for draw in result.draws],
        "curve": _curve(result.curve),
    }


def _curve(points: tuple[tuple[float, float], ...]) -> list[list[float | None]]:
    return [[alpha, loss if math.isfinite(loss) else None] for alpha, loss in points]


def _list(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
