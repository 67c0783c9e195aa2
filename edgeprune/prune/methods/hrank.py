"""HRank: remove the channels whose feature maps have the lowest rank, on average over a few images.

Source:  Lin et al., "HRank: Filter Pruning using High-Rank Feature Map", CVPR 2020, arXiv:2002.10179,
         section 3.2; its observation that the average hardly depends on the images
Cost:    a singular value decomposition of every feature map of 100 examples
Differs: 100 examples, the paper takes 500; maps as in apoz, the mean over all places where a next layer
         reads the group, each relative to its mean. The map of a dense unit or of a 1-D network has rank 1
         at most: there every living channel scores the same. One shot, where the paper prunes layer by
         layer and fine-tunes in between
"""

import math

import numpy as np

from edgeprune.graph.ir import Node
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Array, Evidence
from edgeprune.prune.feature_maps import averages, mean_over_places
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean

EXAMPLES = 100


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative average rank of each unit's maps."""
    found = averages(evidence, group, "hrank", ranks, limit=EXAMPLES)
    return mean_over_places([relative_to_mean(each) for each in found])


def ranks(maps: Array, node: Node) -> Array:
    """Rank of each map as a matrix of the node's rows and columns, (units, N).

    `maps` is (units, N, positions); a unit that owns several channels has the mean of theirs.
    """
    rows = node.shape[0] if len(node.shape) > 1 else 1
    columns = math.prod(node.shape[1:-1])
    matrices = np.moveaxis(maps.reshape(*maps.shape[:2], rows, columns, -1), -1, 2)
    found: Array = np.linalg.matrix_rank(matrices.astype(np.float32)).mean(axis=2)
    return found


HRANK = Method("hrank", "lowest rank of the feature maps", score, needs_examples=True, allocation="uniform")
