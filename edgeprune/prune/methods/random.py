"""Random: remove channels by lot; the rival that every other method has to beat.

Source:  ALGORITHMS section 0.4, item 4: a trivial rival belongs in every table
"""

import numpy as np

from edgeprune.graph.ir import Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.methods.base import Method, Scores


def score(graph: Graph, group: ChannelGroup, rng: np.random.Generator) -> Scores:
    """A number from 0 to 2 for each unit, drawn from `rng`."""
    return rng.uniform(0.0, 2.0, len(group.units))


RANDOM = Method("random", "by lot", score)
