"""L1 norm: remove the filters with the smallest sum of absolute weights.

Source:  Li et al., "Pruning Filters for Efficient ConvNets", 2017, arXiv:1608.08710, section 3.1
Differs: filters that a residual connection couples are scored together, by the mean of their norms,
         each divided by its layer's mean norm; the paper lets one of the layers decide
"""

import numpy as np

from edgeprune.graph.ir import FloatArray
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, mean_over_layers


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative L1 norm of each unit."""
    return mean_over_layers(evidence, group, _norms)


def _norms(rows: FloatArray) -> Scores:
    norms: Scores = np.abs(rows).sum(axis=1, dtype=np.float64)
    return norms


L1 = Method("l1", "smallest sum of absolute weights", score)
