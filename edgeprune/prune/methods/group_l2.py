"""Group magnitude: remove the units with the smallest sum of squares over all that hangs together.

A unit counts with all its filters, the kernels' slices that read it in the next layers, and the scales of
its batch normalisations: what surgery takes away when it goes.

Source:  Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023, arXiv:2301.12900, section 3.4,
         without its sparse learning; Torch-Pruning's GroupMagnitudeImportance with p = 2
Differs: sums over the group's slices where the library takes their mean; the division by the group's mean
         makes both the same where all slices are there for all units
"""

from edgeprune.prune import units
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Sum of squares of each unit, relative to the group's mean."""
    return relative_to_mean(squares(evidence, group))


def squares(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Sum of squares of all kernel slices and normalisation scales of each unit."""
    found: Scores = units.norms(units.owned(evidence, group, units.SCALED), len(group.units)) ** 2
    return found


GROUP_L2 = Method("group-l2", "smallest sum of squares over all coupled weights", score)
