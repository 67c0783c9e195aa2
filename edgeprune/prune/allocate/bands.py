"""Bands: the first layers keep least, the last ones most, in fixed proportions.

The kept shares of the first, second and last third of the layers (by depth) are as 1 : 1.5 : 2; a share
that would pass 1 is 1. SPP used these proportions for the convolutions of VGG-16.

Source:  Wang et al., "Structured Probabilistic Pruning", BMVC 2018, arXiv:1709.06994; the proportions as
         in ALGORITHMS section 1.7, remembered there
Differs: thirds of the groups in the order of the graph, in place of VGG's conv1-3, conv4 and conv5
"""

from collections.abc import Sequence

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores, by_share
from edgeprune.prune.evidence import Evidence

PROPORTIONS = (1.0, 1.5, 2.0)


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """The scale goes from where even the first band is whole down to 0."""
    weights = proportions(len(scores))

    def kept_shares(share: float) -> list[float]:
        return [min(1.0, share * weight / PROPORTIONS[0]) for weight in weights]

    return by_share(kept_shares, [len(group) for group in scores])


def proportions(layers: int) -> list[float]:
    """The band's proportion for each of so many layers."""
    return [PROPORTIONS[min(len(PROPORTIONS) - 1, 3 * place // max(1, layers))] for place in range(layers)]


def shares(macs: Sequence[float], weights: Sequence[float], speedup: float) -> list[float]:
    """Kept shares in the proportions `weights` at which sum(share * macs) is sum(macs) / `speedup`.

    A share that would pass 1 is 1, and the others rise for it.
    """
    full: set[int] = set()
    while True:
        left = sum(macs) / speedup - sum(macs[i] for i in full)
        rest = [i for i in range(len(macs)) if i not in full]
        scale = left / max(1e-30, sum(macs[i] * weights[i] for i in rest))
        over = {i for i, w in enumerate(weights) if i not in full and scale * w > 1}
        if not over:
            return [1.0 if i in full else scale * w for i, w in enumerate(weights)]
        full |= over


BANDS = Allocation("bands", "early layers lose most, in proportions 1 : 1.5 : 2", ladder)
