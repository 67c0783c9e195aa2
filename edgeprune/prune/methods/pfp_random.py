"""PFP by lot: channels are drawn by their sensitivity and re-weighted, as the theorem has it.

The weights that read a channel drawn c of N times are multiplied by c / (N q), so that the expected
output is the whole layer's. One draw serves all layers that read a group. Removed constants are not
folded: the re-weighting makes up for them.

Source:  Liebenwein et al., "Provable Filter Pruning for Efficient Neural Networks", ICLR 2020,
         arXiv:1911.07412; ALGORITHMS section 2.4; PFPNetRand of the authors' code
Cost:    as pfp
Differs: as pfp; draws are repeated until they hit exactly the planned number of channels (pfp/select.py)
"""

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Cut, Method, Scores
from edgeprune.prune.methods.pfp import score
from edgeprune.prune.pfp.repair import repair as change_weights
from edgeprune.prune.pfp.select import drawn, factors_of, randomised


def select(evidence: Evidence, group: ChannelGroup, scores: Scores, count: int) -> npt.NDArray[np.int64]:
    """`count` units by draws."""
    return drawn(evidence, group, count, randomised).kept


def repair(evidence: Evidence, cut: Cut, graph: Graph) -> Graph:
    """Multiply what reads the kept units by their factors."""
    return change_weights(evidence, factors_of(evidence, cut.kept, randomised), graph, fold=False)


PFP_RANDOM = Method(
    "pfp-random",
    "channels drawn by their share in the sums that read them, and re-weighted",
    score,
    needs_examples=True,
    select=select,
    repair=repair,
    allocation="pfp",
)
