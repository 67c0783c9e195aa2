"""LAMP: squared magnitude over the sum of all that are not smaller, one list for the whole network.

The strongest unit of every group has 1, so the list empties no group, and a group in which few units hold
most of the magnitude loses the others first.

Source:  Lee et al., "Layer-adaptive Sparsity for the Magnitude-based Pruning", ICLR 2021,
         arXiv:2010.07611, section 3.1; for units as in Torch-Pruning's LAMPImportance
Differs: the squared magnitude is that of a whole unit as in group-l2, not of one weight; units of equal
         magnitude have equal scores, where the paper breaks ties by their order. Scores stay as they are,
         an average unit has not 1: between groups their ratio is the method. A group of L layers gives
         1/L of them, which the allocation's factor L undoes; its division by the root of a unit's MACs
         stays, as for every method: the target here is MACs, the paper's is the number of weights
"""

import numpy as np

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores
from edgeprune.prune.methods.group_l2 import squares


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """The LAMP score of each unit, for each layer of its group."""
    return lamp(squares(evidence, group)) / len(group.layers)


def lamp(squared: Scores) -> Scores:
    """Each number over the sum of those that are not smaller; 0 for 0."""
    rising = np.sort(squared)
    not_smaller = np.cumsum(rising[::-1])[::-1]
    sums = not_smaller[np.searchsorted(rising, squared, side="left")]
    found: Scores = squared / np.maximum(sums, np.finfo(np.float64).tiny)
    return found


LAMP = Method("lamp", "squared magnitude over the sum of all not smaller ones", score)
