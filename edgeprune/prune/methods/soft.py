"""Soft filter pruning: every epoch zeroes the filters with the smallest norm, which go on training.

A filter that was zeroed by mistake grows back where it has a gradient; at the end the smallest are cut.
Behind normalisation and ReLU a zeroed filter has none where the normalisation's shift is not positive,
and is gone for good. With few epochs it is little more than L2: each epoch is one decision.

Source:  He et al., "Soft Filter Pruning for Accelerating Deep CNNs", 2018, arXiv:1808.06866, algorithm 1
Cost:    one pass over the filters per epoch
Differs: zeroes at the start of each epoch, the paper at its end, so the cut is the last zeroing; filters
         that only go together are zeroed together, by the mean of their relative norms; how many of a
         layer is the allocation's choice (uniform as in the paper, by default)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune import units
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence, Slice
from edgeprune.prune.guide import Array, Goal, Moment, Steering, WeightKey, Weights
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.l2 import score


class Soft:
    """The zeroing, from the norms at the start of each epoch."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._parts = [_filters(goal.evidence, group) for group in goal.evidence.channels.groups]

    def steer(self, moment: Moment, weights: Weights) -> Steering | None:
        """At the start of an epoch: all filters and biases of the units with the lowest L2 norm are zero."""
        if not moment.is_epoch_start:
            return None
        now = units.with_weights(self._goal.evidence, weights)
        changed: dict[WeightKey, Array] = {}
        for group, kept, parts in zip(now.channels.groups, self._goal.kept, self._parts, strict=True):
            gone = units.lowest(score(now, group), kept)
            for part in parts:
                key = part.node.layer, part.weight
                if key in weights:
                    changed[key] = changed.get(key, weights[key]) * part.spread(np.where(gone, 0.0, 1.0), 1.0)
        return Steering(weights=changed)

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Nothing: all follows from the weights at the start of an epoch."""
        return {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Nothing to restore."""

    def finish(self, weights: Weights) -> None:
        """The weights stay as they are."""

    def gone(self) -> None:
        """Scores decide."""


def _filters(evidence: Evidence, group: ChannelGroup) -> tuple[Slice, ...]:
    """Filters and biases of the layers that make the units.

    Scales, shifts and the depthwise kernels that follow stay: with them at zero as well, no gradient
    would reach the filter, and it could never come back.
    """
    parts = units.owned(evidence, group, ("kernel", "pointwise_kernel", "bias"))
    return tuple(part for part in parts if part.side == "out" and part.node.layer in group.layers)


SOFT = Method(
    "soft", "smallest L2 norm, zeroed every epoch and trained on", score, guide=Soft, allocation="uniform"
)
