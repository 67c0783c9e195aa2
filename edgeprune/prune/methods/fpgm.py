"""FPGM: remove the filters nearest to the geometric median of their layer.

Such a filter is the one that the others replace best, whatever its norm.

Source:  He et al., "Filter Pruning via Geometric Median for Deep Neural Networks Acceleration",
         CVPR 2019, arXiv:1811.00250, section 3.2
Cost:    filters^2 * weights of one filter, for each layer
Differs: filters that a residual connection couples are scored together, by the mean of their sums of
         distances, each divided by its layer's mean; one shot, where the paper zeroes filters softly in
         every epoch
"""

import numpy as np

from edgeprune.graph.ir import FloatArray
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, mean_over_layers


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative sum of distances of each unit to all others."""
    return mean_over_layers(evidence, group, distances)


def distances(rows: FloatArray) -> Scores:
    """For each row the sum of its Euclidean distances to all rows."""
    points = rows.astype(np.float64)
    return np.array([np.sqrt(np.square(points - point).sum(axis=1)).sum() for point in points])


FPGM = Method("fpgm", "nearest to the geometric median of the filters", score, allocation="uniform")
