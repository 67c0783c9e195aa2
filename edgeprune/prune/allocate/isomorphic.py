"""Isomorphic: layers that sit alike are ranked in one list, and each list loses the same share.

Two groups are alike when they are made of the same kinds of layers with the same kernels, read by the
same kinds: all first convolutions of residual blocks are ranked against each other, never against a
stem. Scores of unlike groups are hard to compare; a global ranking of them starves whole stages.

Source:  Fang et al., "Isomorphic Pruning for Vision Models", ECCV 2024, arXiv:2407.04616
Differs: the pattern of a group is the multiset of its slices' layer kinds, kernel extents and sides,
         not a graph isomorphism of its sub-structure
"""

from collections.abc import Sequence

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores, ranked, worths
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence

_STEPS = 400


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """Rung by rung the same share of every class of alike groups goes, lowest worth first."""
    classes: dict[object, list[int]] = {}
    for place, group in enumerate(evidence.channels.groups):
        classes.setdefault(pattern(evidence, group), []).append(place)
    worth = worths(evidence, scores)
    ladders = {key: ranked([worth[place] for place in places]) for key, places in classes.items()}

    def kept(rung: int) -> list[float]:
        found = [0.0] * len(scores)
        for key, places in classes.items():
            at = round((ladders[key].rungs - 1) * rung / _STEPS)
            for place, count in zip(places, ladders[key].kept(at), strict=True):
                found[place] = count
        return found

    return Ladder(_STEPS + 1, kept)


def pattern(evidence: Evidence, group: ChannelGroup) -> object:
    """What two groups have in common when they are alike."""
    parts = []
    for part in evidence.slices(group):
        extents = part.values.shape[:-2] if part.values.ndim > 2 else ()
        parts.append((part.node.kind, part.weight, part.side, part.axis, extents))
    return tuple(sorted(parts))


ISOMORPHIC = Allocation("isomorphic", "the same share of every class of alike layers", ladder)
