"""Random: remove channels by lot; the rival that every other method has to beat.

Source:  ALGORITHMS section 0.4, item 4: a trivial rival belongs in every table
"""

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """A number from 0 to 2 for each unit, by lot."""
    return evidence.rng.uniform(0.0, 2.0, len(group.units))


RANDOM = Method("random", "by lot", score)
