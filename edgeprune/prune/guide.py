"""Guide: what a pruning method does while the network trains, between one step and the next.

A guide sees the master weights before every step and answers with a `Steering`: 0/1 masks under which
the next steps run, decay that pulls weights to zero, weights to overwrite. The trainer applies it:

    forward and backward with weight * mask
    optimizer  on gradient * mask; weights and its moments under a mask stay as they are, bit for bit
    weight     <- weight * (1 - min(learning rate * decay, 1)), where no mask holds it

so a masked group keeps its master weights and can come back. What a guide returns holds until it
returns something else; at the start of an epoch it returns all that holds, since a resumed run knows
nothing of the step before. Between epochs `state` is saved beside the weights: an interrupted training goes
on with the same masks, probabilities and counters, and ends in the same bytes.

Decay is decoupled from the optimizer, as in AdamW. Inside the gradient Adam would divide it by the root
of the mean squared gradient: a weight would shrink by about the learning rate a step however large its
decay, and by an amount that depends on the scale of the loss. Decoupled, a decay d over n steps shrinks a
weight that the loss does not hold by (1 - learning rate * d)^n, whatever the loss. A decay of
lambda / ||group|| is then the proximal step of the group lasso, which ends at zero and not beyond it.

Source:  Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, arXiv:1711.05101
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
