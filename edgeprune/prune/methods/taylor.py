"""Taylor on activations: remove the channels whose map times its gradient is smallest.

That is the first-order change of the loss when the map becomes zero.

Source:  Molchanov et al., "Pruning Convolutional Neural Networks for Resource Efficient Inference",
         ICLR 2017, arXiv:1611.06440, sections 2.2 (equation 8) and 2.2.1 (L2 normalisation by layer)
Cost:    one forward and backward pass over the examples
Differs: divided by the root of the mean of squares of the layer in place of the root of their sum, so that
         large layers are not at a disadvantage; the mean over all places where a next layer reads the
         group; one shot, where the paper removes one map at a time and fine-tunes in between
"""

import numpy as np

from edgeprune.graph.ir import Node
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Array, Evidence
from edgeprune.prune.feature_maps import averages, mean_over_places
from edgeprune.prune.methods.base import Method, Scores


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Mean over examples of |mean of activation * gradient over the map|, relative to the layer."""
    found = averages(evidence, group, "taylor", change, times_gradient=True)
    tiny = np.finfo(np.float64).tiny
    return mean_over_places([each / np.sqrt(max(float(np.mean(each**2)), tiny)) for each in found])


def change(products: Array, node: Node) -> Array:
    """|mean over positions| of activation * gradient (units, N, positions), (units, N)."""
    found: Array = np.abs(products.mean(axis=2, dtype=np.float64))
    return found


TAYLOR = Method("taylor", "smallest activation times gradient", score, needs_examples=True)
