"""ThiNet: drop the channels without which the next layer's outputs change least, then scale the others.

One after the other that channel goes whose contribution, added to those of all that went before, has the
smallest sum of squares at sampled outputs of the next layer. Afterwards each remaining input channel of
the next layer gets one factor by least squares.

Source:  Luo et al., "ThiNet: A Filter Level Pruning Method for Deep Neural Network Compression",
         ICCV 2017, arXiv:1707.06342, section 3.2, algorithm 1 and equation 7
Cost:    one pass in numpy over the examples for the order, two for the repair
Differs: all output channels at 10 sampled places of each example, where the paper samples one channel.
         Where several layers read a group, their errors are added, each relative to the sum of squares of
         all its single contributions. The greedy order does not depend on how many stay, so a score is
         the place in it. The order is found in the whole network; the factors layer by layer in the
         cut one, with the small ridge of reconstruct.py. No fine-tuning between layers
"""

import numpy as np
import numpy.typing as npt

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.contributions import contributions
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean
from edgeprune.prune.reconstruct import rescale


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """The place of each unit in the greedy order, from 1, relative to the mean place."""
    order = greedy_order(contributions(evidence, group).moments)
    places = np.zeros(len(order))
    places[order] = np.arange(1, len(order) + 1)
    return relative_to_mean(places)


def greedy_order(moments: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The units in the order in which they go, from `moments` (units, units) of their contributions.

    The error without a set T is the sum of `moments` over T x T; each unit goes where it raises it least.
    """
    left = list(range(len(moments)))
    rise = np.diag(moments).copy()
    order = []
    while left:
        unit = left.pop(int(np.argmin(rise[left])))
        order.append(unit)
        rise += 2 * moments[unit]
    return np.array(order, dtype=np.int64)


THINET = Method(
    "thinet",
    "least error in the next layer, then least-squares factors",
    score,
    needs_examples=True,
    repair=rescale,
    allocation="uniform",
)
