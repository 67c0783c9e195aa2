"""Global: all units in one list, ranked by their score for their cost.

Source:  Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019,
         arXiv:1906.10771 (one threshold for the whole network)
Differs: a unit's score counts once for every layer of its group, and is divided by the root of the MACs
         that go with it
"""

from collections.abc import Sequence

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores, ranked, worths
from edgeprune.prune.evidence import Evidence


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """One rung for every unit of the network."""
    return ranked(worths(evidence, scores))


GLOBAL = Allocation("global", "all channels in one list, by score for cost", ladder)
