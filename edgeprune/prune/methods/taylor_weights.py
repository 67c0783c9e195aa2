"""Taylor on weights: remove the units whose weights times their gradients add up to least, squared.

The square of the first-order change of the loss when all weights that make the unit become zero.

Source:  Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019,
         arXiv:1906.10771, section 3.1 (equation 8); its mean over mini-batches of the squared sum
Cost:    one forward and backward pass over the examples
Differs: a unit's set of weights is all that makes it in all coupled layers: filters, biases, scales and
         shifts of batch normalisation. Scores estimate the same loss everywhere and are compared between
         groups as they are, divided by one number for the whole network; a group of L layers gives 1/L,
         which the allocation's factor L undoes. One shot; inference mode; mini-batches of 32
"""

import numpy as np

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.guide import Weights
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean

_BATCH = 32


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Mean squared change of each unit, relative to the mean of all units of the network."""
    relative = evidence.once("taylor-weights", lambda: _of_network(evidence))
    first = evidence.first_unit(group)
    return relative[first : first + len(group.units)]


def _of_network(evidence: Evidence) -> Scores:
    """The scores of all units of all groups."""
    groups = evidence.channels.groups
    total = np.zeros(sum(len(group.units) for group in groups))
    x, y = evidence.examples.x, evidence.examples.y
    for start in range(0, len(x), _BATCH):
        gradients = evidence.probe.weight_gradients(x[start : start + _BATCH], y[start : start + _BATCH])
        changes = [_changes(evidence, group, gradients) for group in groups]
        per_layer = [c**2 / len(group.layers) for c, group in zip(changes, groups, strict=True)]
        total += np.concatenate(per_layer)
    return relative_to_mean(total)


def _changes(evidence: Evidence, group: ChannelGroup, gradients: Weights) -> Scores:
    """First-order change of the loss when a unit's weights become zero, with its sign turned."""
    total = np.zeros(len(group.units))
    for part in evidence.slices(group):
        gradient = gradients.get((part.node.layer, part.weight))
        if part.side == "out" and gradient is not None:
            per_index = part.rows(part.values * gradient).sum(axis=1)
            total += part.sum_by_unit(per_index, len(total))
    return total


TAYLOR_WEIGHTS = Method(
    "taylor-weights", "smallest squared sum of weight times gradient", score, needs_examples=True
)
