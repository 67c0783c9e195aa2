"""PFP: remove the channels that can have no large share in any sum that reads them.

Deterministic: the most sensitive channels stay as they are; this is what the authors published results
with, and carries no guarantee. What removed channels leave behind as a constant goes into biases.

Source:  Liebenwein et al., "Provable Filter Pruning for Efficient Neural Networks", ICLR 2020,
         arXiv:1911.07412; ALGORITHMS section 2; the network PFPNet of the authors' code
Cost:    for about 200 examples twice the network's MACs, in numpy: seconds for ResNet-8
Differs: a unit's sensitivity is the largest among the layers that read it; examples for it come from
         the training set; the size is MACs, met by the plan. Several rounds are the recipe's steps
"""

from edgeprune.graph.ir import Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Cut, Method, Scores, relative_to_mean
from edgeprune.prune.pfp.repair import repair as change_weights
from edgeprune.prune.pfp.select import factors_of
from edgeprune.prune.pfp.sensitivity import unit_sensitivities


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Sensitivity of each unit, relative to the group's mean."""
    return relative_to_mean(unit_sensitivities(evidence, group))


def repair(evidence: Evidence, cut: Cut, graph: Graph) -> Graph:
    """Fold constants that were removed."""
    return change_weights(evidence, factors_of(evidence, cut.kept), graph, fold=True)


PFP = Method(
    "pfp",
    "smallest share in the sums that read the channel, with a bound for how many",
    score,
    needs_examples=True,
    repair=repair,
    allocation="pfp",
)
