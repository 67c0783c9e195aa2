"""AGP: single weights become zero little by little while training, along a cubic curve.

Many go at first, when there are many to spare, and few at the end; each layer loses the same share of its
smallest weights. What went stays away. No kernel of ours is faster for it, see magnitude.py.

Source:  Zhu and Gupta, "To prune, or not to prune", 2017, arXiv:1710.01878, section 3, equation 1; tfmot's
         PolynomialDecay has the same curve
Cost:    one sort of each kernel, about a hundred times
Differs: depthwise kernels and dense layers stay whole; sparsity is rounded up, so that the speed-up holds;
         the curve ends after `_END_SHARE` of the guided training, the rest is for recovery
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune.guide import Array, Goal, Moment, Steering, WeightKey, Weights
from edgeprune.prune.kernels import macs_per_weight, macs_to_lose
from edgeprune.prune.methods.base import Method

_END_SHARE = 0.75
_UPDATES = 100


def sparsity(step: float, start: float, end: float, initial: float, final: float) -> float:
    """s_f + (s_i - s_f) (1 - (t - t_0) / (t_1 - t_0))^3, held at both ends."""
    done = min(1.0, max(0.0, (step - start) / (end - start)))
    return final + (initial - final) * (1 - done) ** 3


def thinned(weight: Array, mask: Array, share: float) -> npt.NDArray[np.float32]:
    """A mask that holds `share` of the weights, at most all but one: what it held, then the smallest."""
    gone = min(weight.size - 1, math.ceil(share * weight.size - 1e-9))
    order = np.argsort(np.where(mask > 0, np.abs(weight), -1.0), axis=None, kind="stable")
    found = np.ones(weight.size, np.float32)
    found[order[:gone]] = 0
    return found.reshape(weight.shape)


class Agp:
    """Masks that thin out along the curve."""

    def __init__(self, goal: Goal) -> None:
        graph = goal.evidence.graph
        costs = macs_per_weight(graph)
        shapes = {(n.layer, name): array.shape for n in graph.nodes for name, array in n.weights.items()}
        self._masks: dict[WeightKey, Array] = {key: np.ones(shapes[key], np.float32) for key in costs}
        can_go = sum(mask.size * costs[key] for key, mask in self._masks.items())
        self._final = macs_to_lose(graph, goal.speedup) / max(1, can_go)
        self._steps = goal.steps

    def steer(self, moment: Moment, weights: Weights) -> Steering | None:
        """Thinner masks every hundredth of the training."""
        every = max(1, self._steps // _UPDATES)
        if moment.step % every == 0:
            self._thin(moment.step, weights)
        elif not moment.is_epoch_start:
            return None
        return Steering(masks=dict(self._masks))

    def _thin(self, step: int, weights: Weights) -> None:
        share = sparsity(step, 0, max(1, int(_END_SHARE * self._steps)), 0.0, self._final)
        self._masks = {key: thinned(weights[key], mask, share) for key, mask in self._masks.items()}

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """The masks, by place."""
        return {f"mask_{place}": mask for place, mask in enumerate(self._masks.values())}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on with the masks of `state`."""
        self._masks = {key: state[f"mask_{place}"] for place, key in enumerate(self._masks)}

    def finish(self, weights: Weights) -> Steering:
        """What is gone is zero from here on, at the whole sparsity."""
        self._thin(self._steps, weights)
        zeroed = {key: np.where(mask > 0, weights[key], 0) for key, mask in self._masks.items()}
        return Steering(masks=dict(self._masks), weights=zeroed)

    def gone(self) -> None:
        """No channels go."""


AGP = Method("agp", "smallest single weights become zero little by little", structure="weights", guide=Agp)
