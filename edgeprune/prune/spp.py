"""Structured probabilistic pruning: how the pruning probabilities of one layer's groups grow and shrink.

Every group (a column, an input channel, a unit of filters) has a probability p of being masked in a step.
An update pushes p up for groups of low importance and down for the others, by a penalty that depends on
the rank alone: A at rank 0, zero at the number of groups to remove, negative beyond. A group can therefore
recover; it is dead, for good, only when p reaches 1.

Source:  Wang et al., "Structured Probabilistic Pruning", BMVC 2018, arXiv:1709.06994, equations 3 and 4,
         algorithm 1; MingSun-Tse/Caffe_IncReg (dynamic target, linear and row penalties, smoothing)
Differs: "ema_score" is the default smoothing, where paper and code of 2017 have none; the probability is
         stored, not its complement; `R * groups` is rounded up in the static form too, whose dead groups
         keep the lowest ranks; the row penalty is A for all when all groups are to go or the scores up to
         the n-th are equal, where its slope is not defined
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError, UsageError

Array = npt.NDArray[Any]
Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LARGEST_EXPONENT = 50.0  # exp of more overflows when one of many groups is left to remove
_DEAD = 1 - 1e-6  # twenty additions of 0.05 need not make 1 exactly
_SMOOTHING = 0.9
_ROUNDING = 1e-9  # 0.55 * 100 is a little more than 55


@dataclass(frozen=True)
class Settings:
    """The switches of the update; defaults are those of the authors, but for the smoothing.

    amplitude  A, the increment at rank 0
    u          Delta is u * A at the centre of symmetry
    penalty    "exponential" (two branches); "linear" in the rank; "row": two lines in the importance
    target     "dynamic": dead groups leave the ranking and n is what is left to remove; "static": they stay
    smoothing  of the importance: "none", "ema_score" (h = 0.9 h + norm, every step), "mean_rank" (running
               mean of the ranks)
    """

    amplitude: float = 0.05
    u: float = 0.25
    penalty: Literal["exponential", "linear", "row"] = "exponential"
    target: Literal["dynamic", "static"] = "dynamic"
    smoothing: Literal["none", "ema_score", "mean_rank"] = "ema_score"

    def __post_init__(self) -> None:
        if not (0 < self.amplitude <= 1 and 0 < self.u <= 1):
            raise UsageError(
                f"amplitude {self.amplitude:g} and u {self.u:g} must lie above 0 and be at most 1",
                hint="the authors use 0.05 and 0.25",
            )
        if self.penalty == "row" and self.target == "static":
            raise UsageError("the row penalty has no static form", hint="use the dynamic target")


def rate(n: float, u: float) -> float:
    """alpha, by which the penalty falls from rank to rank when `n` groups are to go."""
    return (math.log(2) - math.log(u)) / n


def centre(n: float, u: float) -> float:
    """N, the rank of the centre of symmetry."""
    return -math.log(u) / rate(n, u)


def delta(rank: Array, n: float, amplitude: float = 0.05, u: float = 0.25) -> Values:
    """The penalty at each rank, 0 the least important, when `n` groups (more than 0) are to go."""
    alpha, middle = rate(n, u), centre(n, u)
    r = np.asarray(rank, np.float64)
    low = amplitude * np.exp(-alpha * np.minimum(r, middle))
    mirrored = np.minimum(-alpha * (2 * middle - r), _LARGEST_EXPONENT)
    return np.where(r <= middle, low, 2 * u * amplitude - amplitude * np.exp(mirrored))


def delta_linear(rank: Array, n: float, amplitude: float = 0.05) -> Values:
    """The penalty of the authors' variant PPc_l: a straight line from A at rank 0 through 0 at rank `n`."""
    return amplitude - amplitude / n * np.asarray(rank, np.float64)


def delta_row(scores: Array, n: int, amplitude: float = 0.05) -> Values:
    """The penalty of the variant PPr: lines in `scores` (rising), A first, 0 at the n-th, -A at the last."""
    s = np.asarray(scores, np.float64)
    if n >= len(s):
        return np.full(len(s), amplitude)
    below, above = s[n] - s[0], s[-1] - s[n]
    rising = amplitude - amplitude * (s - s[0]) / below if below > 0 else np.full(len(s), amplitude)
    falling = -amplitude * (s - s[n]) / above if above > 0 else np.zeros(len(s))
    return np.where(np.arange(len(s)) < n, rising, falling)


def groups_to_remove(share: float, groups: int) -> int:
    """How many of so many groups go when the share R is to go: rounded up."""
    return min(groups, max(0, math.ceil(share * groups - _ROUNDING)))


class GroupState:
    """The probabilities of one layer's groups; `target` of them are to die.

    p         the probability of being masked, (groups,) float64
    dead      p has reached 1; such a group never comes back
    h         the importance by which groups are ranked
    is_active it still changes
    """

    def __init__(self, groups: int, target: int, settings: Settings) -> None:
        if not 0 <= target <= groups:
            raise InternalError(f"{target} of {groups} groups cannot be removed")
        self.target = target
        self.settings = settings
        self.p = np.zeros(groups)
        self.dead = np.zeros(groups, dtype=bool)
        self.h = np.zeros(groups)
        self.observed = 0
        self.is_active = target > 0

    @property
    def remaining(self) -> int:
        """How many groups are still to die."""
        return self.target - int(np.count_nonzero(self.dead))

    def observe(self, norms: Values) -> None:
        """Take the groups' norms at this step into their importance."""
        self.observed += 1
        match self.settings.smoothing:
            case "none":
                self.h = np.array(norms, np.float64)
            case "ema_score":
                self.h = _SMOOTHING * self.h + norms
            case "mean_rank":
                live = np.flatnonzero(~self.dead)
                order = live[np.argsort(norms[live], kind="stable")]
                ranks = np.zeros(len(self.h))
                ranks[order] = np.arange(len(order))
                self.h = ((self.observed - 1) * self.h + ranks) / self.observed

    def ranked(self) -> npt.NDArray[np.int64]:
        """The live groups, the least important first; of equals the first."""
        live = np.flatnonzero(~self.dead)
        return live[np.argsort(self.h[live], kind="stable")]

    def update(self) -> Flags:
        """Move all probabilities by the penalty; returns which groups died of it."""
        died = np.zeros(len(self.p), dtype=bool)
        missing = self.remaining
        if not self.is_active or missing <= 0:
            return died
        order = self.ranked()
        p = np.clip(self.p[order] + self._penalty(order, missing), 0.0, 1.0)
        died[order[:missing][p[:missing] >= _DEAD]] = True
        self.p[order] = p
        self._kill(died)
        return died

    def _penalty(self, order: npt.NDArray[np.int64], missing: int) -> Values:
        s = self.settings
        if s.penalty == "row":
            return delta_row(self.h[order], missing, s.amplitude)
        is_static = s.target == "static"
        ranks = np.arange(len(order)) + (self.target - missing if is_static else 0)
        n = self.target if is_static else missing
        if s.penalty == "linear":
            return delta_linear(ranks, n, s.amplitude)
        return delta(ranks, n, s.amplitude, s.u)

    def _kill(self, groups: Flags) -> None:
        self.dead |= groups
        self.p[groups] = 1.0

    def sample(self, rng: np.random.Generator) -> Flags:
        """Which groups are there in this step: each with probability 1 - p, drawn independently."""
        return rng.random(len(self.p)) >= self.p

    def candidates(self) -> npt.NDArray[np.int64]:
        """The groups to take when time is up, first to go first: highest p, then lowest importance."""
        order = self.ranked()
        return order[np.argsort(-self.p[order], kind="stable")][: max(0, self.remaining)]

    def kill(self, group: int) -> None:
        """End one group whatever its probability."""
        self._kill(np.arange(len(self.p)) == group)

    def freeze(self) -> None:
        """Nothing changes any more: survivors are there in every step."""
        self.is_active = False
        self.p[~self.dead] = 0.0

    def state(self) -> dict[str, Array]:
        """All that the next update depends on; copies."""
        counters = np.array([self.target, self.observed, int(self.is_active)], np.int64)
        return {"p": self.p.copy(), "dead": self.dead.copy(), "h": self.h.copy(), "counters": counters}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a `state`; raises InternalError when it is that of other groups."""
        target, observed, is_active = (int(value) for value in state["counters"])
        if state["p"].shape != self.p.shape or target != self.target:
            raise InternalError(
                f"a state of {len(state['p'])} groups of which {target} go does not fit "
                f"{len(self.p)} of which {self.target} go"
            )
        self.p, self.dead, self.h = (np.array(state[name]) for name in ("p", "dead", "h"))
        self.observed, self.is_active = observed, bool(is_active)


def updates_needed(groups: int, target: int, settings: Settings, limit: int = 100_000) -> int:
    """How many updates it takes to remove `target` groups whose order never changes; at most `limit`."""
    return len(simulate(groups, target, settings, limit))


def simulate(groups: int, target: int, settings: Settings, limit: int = 100_000) -> list[int]:
    """The number of dead groups after each update, norms 1, 2, 3 … for ever."""
    state = GroupState(groups, target, settings)
    norms = np.arange(1.0, groups + 1)
    dead: list[int] = []
    while state.remaining > 0 and len(dead) < limit:
        state.observe(norms)
        state.update()
        dead.append(target - state.remaining)
    return dead
