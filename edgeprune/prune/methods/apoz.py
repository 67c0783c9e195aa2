"""APoZ: remove the channels whose feature maps are zero most often after ReLU.

Source:  Hu et al., "Network Trimming: A Data-Driven Neuron Pruning Approach towards Efficient Deep
         Architectures", 2016, arXiv:1607.03250, section 3.1
Cost:    one pass over the examples
Differs: scores are 1 - APoZ relative to their mean. Read where the next layer reads, so behind an addition
         or a pooling if there is one, but before a global pooling; the mean over all such places. A group
         whose activation makes no zeros has the score 1 throughout
"""

import numpy as np

from edgeprune.graph.ir import Node
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Array, Evidence
from edgeprune.prune.feature_maps import averages, mean_over_places
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative share of each unit's map that is not zero."""
    found = averages(evidence, group, "apoz", share_not_zero)
    return mean_over_places([relative_to_mean(shares) for shares in found])


def share_not_zero(maps: Array, node: Node) -> Array:
    """1 - APoZ of maps (units, N, positions), (units, N)."""
    share: Array = np.count_nonzero(maps, axis=2) / maps.shape[2]
    return share


APOZ = Method("apoz", "most zeros after ReLU", score, needs_examples=True)
