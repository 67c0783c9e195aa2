"""BN scale: remove the channels with the smallest scale |gamma| of batch normalisation, as they are.

The criterion of network slimming without its training: scales say most after an L1 penalty on them, which
is method slimming. A group of channels without batch normalisation is refused, by its name.

Source:  Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017,
         arXiv:1708.06519, section 3 (one threshold for the whole network)
Differs: a unit with several scales has their mean, and where only some of its layers have one, those
         decide; divided by the mean of all units of the network, so that groups compare as in the paper;
         the allocation divides by the root of a unit's MACs, as for every method
"""

from edgeprune.prune.methods import slimming
from edgeprune.prune.methods.base import Method

BN_SCALE = Method("bn-scale", "smallest scale of batch normalisation", slimming.score)
