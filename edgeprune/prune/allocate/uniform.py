"""Uniform: the same share of every group goes.

Source:  Li et al., "Pruning Filters for Efficient ConvNets", 2017, arXiv:1608.08710 (its simplest form)
"""

from collections.abc import Sequence

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores
from edgeprune.prune.evidence import Evidence


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """One rung for every share at which some group loses a unit."""
    sizes = [len(group) for group in scores]
    shares = sorted({kept / size for size in sizes for kept in range(size + 1)}, reverse=True)
    return Ladder(len(shares), lambda rung: [shares[rung] * size for size in sizes])


UNIFORM = Allocation("uniform", "the same share of every layer", ladder)
