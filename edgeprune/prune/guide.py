"""Guide: what a pruning method does while the network trains, between one step and the next.

A guide sees the master weights before every step and answers with a `Steering`: 0/1 masks under which
the next steps run, decay that pulls weights to zero, weights to overwrite. The trainer applies it:

    forward and backward with weight * mask
    gradient   <- (gradient + decay * weight) * mask
    optimizer  on the rest; weights and the optimizer's moments under a mask stay as they are, bit for bit

so a masked group keeps its master weights and can come back. What a guide returns holds until it
returns something else. Between epochs `state` is saved beside the weights: an interrupted training goes
on with the same masks, probabilities and counters, and ends in the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeprune.prune.evidence import Evidence

Array = npt.NDArray[Any]
WeightKey = tuple[str, str]  # layer, Keras's name of the weight
Weights = Mapping[WeightKey, Array]


@dataclass(frozen=True, eq=False)
class Goal:
    """What the guided training leads to.

    evidence       the network before, its channel groups, a generator, examples
    kept           how many units of each group are to stay, in the order of the groups; empty where the
                   method's structure is not "channels"
    speedup        MACs before / MACs that may remain (of convolutions alone where columns or weights go)
    allocation     the name of the allocation asked for
    steps          how many training steps there are in all
    learning_rate  of these steps
    """

    evidence: Evidence
    kept: Sequence[int]
    speedup: float
    allocation: str
    steps: int
    learning_rate: float


@dataclass(frozen=True)
class Moment:
    """A point of the training: `step` counts from 0 through all epochs; `rng` follows from seed and epoch."""

    step: int
    steps: int
    is_epoch_start: bool
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class Steering:
    """Masks, decay and new values by weight; arrays broadcast against the weight. None: as before."""

    masks: Weights | None = None
    decay: Weights | None = None
    weights: Weights = field(default_factory=dict)


class Guide(Protocol):
    """A pruning method's part in training."""

    def steer(self, moment: Moment, weights: Weights) -> Steering | None:
        """What the next step runs under; `weights` are the masters, not to be written to."""

    def state(self) -> Mapping[str, Array]:
        """All that the guide depends on, beside the weights."""

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a `state`."""

    def finish(self, weights: Weights) -> Steering | None:
        """After the last step: final weights (dead ones zero), and the masks that hold from here on."""

    def gone(self) -> npt.NDArray[np.bool_] | None:
        """The units it decided to remove, a flag per unit of all groups; None to let scores decide."""
