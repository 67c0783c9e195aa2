"""L2 norm: remove the filters with the smallest Euclidean norm.

Source:  He et al., "Soft Filter Pruning for Accelerating Deep CNNs", 2018, arXiv:1808.06866, section 3.2
         (the criterion; one shot here, without its soft training)
Differs: filters that a residual connection couples are scored together, by the mean of their norms,
         each divided by its layer's mean norm
"""

import numpy as np

from edgeprune.graph.ir import FloatArray
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, mean_over_layers


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative L2 norm of each unit."""
    return mean_over_layers(evidence, group, _norms)


def _norms(rows: FloatArray) -> Scores:
    norms: Scores = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return norms


L2 = Method("l2", "smallest Euclidean norm", score)
