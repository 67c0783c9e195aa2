"""GReg-1: growing regularisation; the units to be pruned are chosen first, then shrunk to nothing.

They are those with the smallest L1 norm. Their decay grows by a constant every few steps, so the rest of
the network takes over their work little by little; when they are cut, hardly anything is lost.

Source:  Wang, Qin, Zhang and Fu, "Neural Pruning via Growing Regularization", ICLR 2021, arXiv:2012.09243,
         section 3.2, algorithm 1
Cost:    nothing that could be measured
Differs: decay is decoupled from Adam (guide.py) and takes all that a unit owns, scales, biases and what
         reads it, since behind a normalisation the norm of a filter alone means nothing; how fast it
         grows follows from the length of the training: the ceiling is reached after `GROWTH_SHARE` of it
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune import units
from edgeprune.prune.guide import Goal, Moment, Steering, Weights
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.l1 import score

GROWTH_SHARE = 0.75
# Learning rate * decay at the ceiling: so much a unit shrinks per step, against at most one learning rate
# per weight that Adam can put on; in short trainings more, for `_SHRINK` e-folds in all.
_CEILING = 0.05
_SHRINK = 8.0
_RAISES = 100


def ceiling(goal: Goal) -> float:
    """The largest decay."""
    effective_steps = max(1.0, (1 - GROWTH_SHARE / 2) * goal.steps)
    return min(1.0, max(_CEILING, _SHRINK / effective_steps)) / goal.learning_rate


def growing(step: int, start: int, stop: int, top: float) -> float:
    """The decay at `step`: a constant more every K steps, from `start` on, and `top` from `stop` on.

    K is one step, or what makes `_RAISES` raises.
    """
    length = max(1, stop - start)
    every = max(1, length // _RAISES)
    return top * min(1.0, ((step - start) // every + 1) * every / length)


class Greg:
    """Growing decay of the units that are to go."""

    def __init__(self, goal: Goal) -> None:
        groups = goal.evidence.channels.groups
        self._goal = goal
        self._parts = [units.owned(goal.evidence, group, units.OWNED) for group in groups]
        self._gone = [
            units.lowest(score(goal.evidence, group), kept)
            for group, kept in zip(groups, goal.kept, strict=True)
        ]

    def steer(self, moment: Moment, weights: Weights) -> Steering:
        """The same decay for all units to be pruned."""
        top = ceiling(self._goal)
        decay = growing(moment.step, 0, int(GROWTH_SHARE * moment.steps), top)
        pulls = [np.where(flags, decay, 0.0) for flags in self._gone]
        return Steering(decay=units.pull(self._parts, pulls, weights))

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """The units that go."""
        return {"gone": self.gone()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on with the same units."""
        ends = np.cumsum([len(flags) for flags in self._gone])[:-1]
        self._gone = np.split(state["gone"], ends) if self._gone else []

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are: the units that go are next to nothing."""

    def gone(self) -> npt.NDArray[np.bool_]:
        """The units chosen at the start."""
        return np.concatenate([np.zeros(0, dtype=bool), *self._gone])


GREG = Method("greg", "smallest L1 norm, shrunk by growing decay before the cut", score, guide=Greg)
