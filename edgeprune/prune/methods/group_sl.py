"""Group SL: group-norm sparse learning; each group's weakest units decay up to 16 times as fast.

Every unit decays, the one with the largest norm least, so the order is driven apart while the network
trains. The strength is such that a group's weakest unit, left alone, would shrink to exp(-`_SHRINK`) of
its norm in the guided training, however long that is.

Source:  Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023, arXiv:2301.12900, equations
         3 and 4; alpha = 2^4 as in its code, torch_pruning/pruner/algorithms/group_norm_pruner.py
Cost:    one pass over the weights per epoch
Differs: decay is decoupled from Adam (guide.py), its strength follows from the length of the training;
         the paper adds 1e-4 * gamma_k * w to the gradients of SGD
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune import units
from edgeprune.prune.guide import Goal, Moment, Steering, Weights
from edgeprune.prune.methods.base import Method, Scores
from edgeprune.prune.methods.group_l2 import score

_ALPHA = 2.0**4
_SHRINK = 6.0


def factors(importance: Scores) -> Scores:
    """gamma_k: from 1 for the most important unit to alpha for the least; 1 where all are equal."""
    span = float(importance.max() - importance.min())
    if not span:
        return np.ones_like(importance)
    found: Scores = _ALPHA ** ((importance.max() - importance) / span)
    return found


class GroupSl:
    """The decay, from the norms at the start of each epoch."""

    def __init__(self, goal: Goal) -> None:
        groups = goal.evidence.channels.groups
        self._sizes = [len(group.units) for group in groups]
        self._parts = [units.owned(goal.evidence, group, units.SCALED) for group in groups]
        self._strength = _SHRINK / _ALPHA / (goal.learning_rate * max(1, goal.steps))

    def steer(self, moment: Moment, weights: Weights) -> Steering | None:
        """A decay of strength * gamma_k for each unit, which holds for the epoch."""
        if not moment.is_epoch_start:
            return None
        decay = [
            self._strength * factors(units.norms(parts, size, weights))
            for parts, size in zip(self._parts, self._sizes, strict=True)
        ]
        return Steering(decay=units.pull(self._parts, decay, weights))

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Nothing: all follows from the weights at the start of an epoch."""
        return {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Nothing to restore."""

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are."""

    def gone(self) -> None:
        """Scores decide."""


GROUP_SL = Method(
    "group-sl", "decay by group norm while training, then smallest group norm", score, guide=GroupSl
)
