"""PFP, mixed: the most sensitive channels stay for sure, the others are drawn and re-weighted.

Source:  Liebenwein et al., "Provable Filter Pruning for Efficient Neural Networks", ICLR 2020,
         arXiv:1911.07412; ALGORITHMS section 2.4; PFPNetTop of the authors' code
Cost:    as pfp
Differs: as pfp-random
"""

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Cut, Method, Scores
from edgeprune.prune.methods.pfp import score
from edgeprune.prune.pfp.repair import repair as change_weights
from edgeprune.prune.pfp.select import drawn, factors_of, mixed


def select(evidence: Evidence, group: ChannelGroup, scores: Scores, count: int) -> npt.NDArray[np.int64]:
    """`count` units: those likely to be drawn for sure, the rest by draws."""
    return drawn(evidence, group, count, mixed).kept


def repair(evidence: Evidence, cut: Cut, graph: Graph) -> Graph:
    """Multiply what reads the drawn units by their factors."""
    return change_weights(evidence, factors_of(evidence, cut.kept, mixed), graph, fold=False)


PFP_MIXED = Method(
    "pfp-mixed",
    "the channels with the largest shares, others drawn and re-weighted",
    score,
    needs_examples=True,
    select=select,
    repair=repair,
    allocation="pfp",
)
