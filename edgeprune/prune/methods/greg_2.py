"""GReg-2: growing regularisation of all units first; those that give way most are then shrunk and cut.

Under the same growing decay weights respond differently: where the loss is curved they hold, where it is
flat they give way. That order, which a Hessian would tell, is read off the norms.

Source:  Wang, Qin, Zhang and Fu, "Neural Pruning via Growing Regularization", ICLR 2021, arXiv:2012.09243,
         section 3.3, algorithm 1
Cost:    one pass over the weights, once
Differs: as greg.py; the order is that of the norm of all that a unit owns, not of filters' L1 norms, which
         behind a normalisation all shrink alike; in the first phase a free weight shrinks to
         exp(-`_TRIAL`) of itself
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune import units
from edgeprune.prune.guide import Goal, Moment, Steering, Weights
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.greg import GROWTH_SHARE, ceiling, growing
from edgeprune.prune.methods.group_l2 import score

_TRIAL_SHARE = 0.25
_TRIAL = 1.0


class Greg2:
    """Growing decay of all units, then of those that are to go."""

    def __init__(self, goal: Goal) -> None:
        groups = goal.evidence.channels.groups
        self._goal = goal
        self._sizes = [len(group.units) for group in groups]
        self._parts = [units.owned(goal.evidence, group, units.OWNED) for group in groups]
        self._gone: list[npt.NDArray[np.bool_]] = []
        trial_steps = max(1.0, _TRIAL_SHARE * goal.steps / 2)
        self._trial_top = _TRIAL / (goal.learning_rate * trial_steps)

    def steer(self, moment: Moment, weights: Weights) -> Steering:
        """In the first quarter the same decay for all; then the order, and more for those that go."""
        trial_steps = int(_TRIAL_SHARE * moment.steps)
        if moment.step < trial_steps:
            decay = growing(moment.step, 0, trial_steps, self._trial_top)
            pulls = [np.full(size, decay) for size in self._sizes]
        else:
            if not self._gone:
                self._choose(weights)
            decay = growing(moment.step, trial_steps, int(GROWTH_SHARE * moment.steps), ceiling(self._goal))
            pulls = [np.where(flags, decay, 0.0) for flags in self._gone]
        return Steering(decay=units.pull(self._parts, pulls, weights))

    def _choose(self, weights: Weights) -> None:
        """Of each group those that are smallest now."""
        for parts, size, kept in zip(self._parts, self._sizes, self._goal.kept, strict=True):
            self._gone.append(units.lowest(units.norms(parts, size, weights), kept))

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """The units that go, once they are chosen."""
        return {"gone": np.concatenate(self._gone)} if self._gone else {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on with the units chosen, if any were."""
        ends = np.cumsum(self._sizes)[:-1]
        self._gone = list(np.split(state["gone"], ends)) if "gone" in state else []

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are: the units that go are next to nothing."""

    def gone(self) -> npt.NDArray[np.bool_]:
        """The units chosen after the first phase."""
        return np.concatenate([np.zeros(0, dtype=bool), *self._gone])


GREG_2 = Method("greg-2", "as greg, chosen by what gives way under decay of all", score, guide=Greg2)
