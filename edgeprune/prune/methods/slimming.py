"""Network slimming: an L1 penalty on the scales of batch normalisation, then the smallest |gamma| go.

The scales of all layers are compared as they are, since normalised channels are alike; so the method
decides how much of each layer goes. A channel without such a scale has no score: where a group of
channels has no batch normalisation, this method refuses.

Source:  Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", 2017,
         arXiv:1708.06519, section 3
Cost:    nothing that could be measured
Differs: the penalty is a proximal step after Adam's (|gamma| loses a constant and stops at zero); in
         all it takes three quarters of a group's mean scale from what the loss does not defend, however
         long the training is, where the paper sets one lambda for all by hand (1e-4, 1e-5) for SGD (one
         pull for all ended whole layers of ResNet-8, whose scales are small, in one epoch); a unit with
         several scales has their mean; the ranking also divides by the cost of a unit (allocate/ranked.py)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.prune import units
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence, Slice
from edgeprune.prune.guide import Array, Goal, Moment, Steering, WeightKey, Weights
from edgeprune.prune.methods.base import Method, Scores

# Left alone, a mean scale would lose this share of itself in the guided training.
_TRAVEL = 0.75


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Mean |gamma| of each unit, relative to that of all units of the network."""
    found = {other.name: _scales(evidence, other) for other in evidence.channels.groups}
    mean = float(np.concatenate(list(found.values())).mean())
    return found[group.name] / max(mean, np.finfo(np.float64).tiny)


def _scales(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Mean |gamma| of each unit; raises UsageError for a group that has none."""
    parts = _gammas(evidence, group)
    count = len(group.units)
    total = sum((part.sum_by_unit(np.abs(part.values), count) for part in parts), np.zeros(count))
    scales = sum((part.sum_by_unit(np.ones(len(part.units)), count) for part in parts), np.zeros(count))
    if not scales.all():
        raise UsageError(
            f"{group.name} has channels without batch normalisation, by whose scales slimming ranks them",
            hint=f"leave it whole with --keep {group.layers[0]}, or choose another method, such as group-sl",
        )
    return total / scales


def _gammas(evidence: Evidence, group: ChannelGroup) -> tuple[Slice, ...]:
    parts = units.owned(evidence, group, ("gamma",))
    return tuple(part for part in parts if part.node.kind == "BatchNormalization")


class Slimming:
    """The penalty, from the scales of every step."""

    def __init__(self, goal: Goal) -> None:
        groups = goal.evidence.channels.groups
        means = [float(_scales(goal.evidence, group).mean()) for group in groups]
        travel = goal.learning_rate * max(1, goal.steps)
        self._strengths = [_TRAVEL * mean / travel for mean in means]
        self._parts = [_gammas(goal.evidence, group) for group in groups]

    def steer(self, moment: Moment, weights: Weights) -> Steering:
        """A decay of lambda / |gamma| for each scale of a unit."""
        decay: dict[WeightKey, Array] = {}
        for strength, parts in zip(self._strengths, self._parts, strict=True):
            for part in parts:
                key = part.node.layer, part.weight
                if key not in weights:
                    continue
                size = np.abs(weights[key])
                pull = np.divide(strength, size, out=np.zeros_like(size), where=size > 0)
                decay[key] = decay.get(key, 0) + np.where(part.units >= 0, pull, 0)
        return Steering(decay=decay)

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Nothing: all follows from the weights."""
        return {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Nothing to restore."""

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are."""

    def gone(self) -> None:
        """Scores decide."""


SLIMMING = Method(
    "slimming", "smallest batch normalisation scale, after an L1 penalty on it", score, guide=Slimming
)
