"""SSL: group lasso on whole units while training, then the smallest group norms go.

The norm of a unit, over its filters, scales and the weights that read it, loses a constant in each step;
units that the loss does not defend reach zero. The strength is such that the mean unit of a group, left
alone, would lose `_TRAVEL` of its norm in the guided training, however long that is.

Source:  Wen et al., "Learning Structured Sparsity in Deep Neural Networks", 2016, arXiv:1608.03665,
         equations 3 and 4 (filters and channels)
Cost:    one pass over the weights per step
Differs: the filters and the channel that they make are one group, as they only go together; the penalty
         is a proximal step after Adam's, lambda is set by group from the norms at the start and the
         length of the training, not by hand; no penalty on filter shapes or depth
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune import units
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.guide import Goal, Moment, Steering, Weights
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean

# At 1 all units die together: their norms are alike at the start, and Adam is too slow to defend any.
_TRAVEL = 0.75


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative group norm of each unit."""
    return relative_to_mean(units.norms(units.owned(evidence, group, units.SCALED), len(group.units)))


def lasso_decay(norms: Scores, strength: float) -> Scores:
    """lambda / ||w_g||: the decay that takes `strength` from each norm per unit of learning rate.

    A norm of zero has the decay zero: there is nothing left to pull.
    """
    return np.divide(strength, norms, out=np.zeros_like(norms), where=norms > 0)


class Ssl:
    """The penalty, from the norms of every step."""

    def __init__(self, goal: Goal) -> None:
        evidence = goal.evidence
        groups = evidence.channels.groups
        self._sizes = [len(group.units) for group in groups]
        self._parts = [units.owned(evidence, group, units.SCALED) for group in groups]
        norms = [units.norms(*pair) for pair in zip(self._parts, self._sizes, strict=True)]
        self._strengths = [
            _TRAVEL * float(norm.mean()) / (goal.learning_rate * max(1, goal.steps)) for norm in norms
        ]

    def steer(self, moment: Moment, weights: Weights) -> Steering:
        """A decay of lambda / ||w_g|| for each unit."""
        decay = [
            lasso_decay(units.norms(parts, size, weights), strength)
            for parts, size, strength in zip(self._parts, self._sizes, self._strengths, strict=True)
        ]
        return Steering(decay=units.pull(self._parts, decay, weights))

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Nothing: all follows from the weights."""
        return {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Nothing to restore."""

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are."""

    def gone(self) -> None:
        """Scores decide."""


SSL = Method("ssl", "group lasso while training, then smallest group norm", score, guide=Ssl)
