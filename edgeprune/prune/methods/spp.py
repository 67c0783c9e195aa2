"""SPP on units: structured probabilistic pruning of the filters that can only go together.

Every unit has a probability of being masked, for one step at a time, which grows while its L1 norm is low
in its group and shrinks while it is not. Who comes back early stays; who reaches 1 is gone, and surgery
removes it. See spp-columns for the paper's own groups.

Source:  Wang, Zhang, Wang and Hu, "Structured Probabilistic Pruning for Convolutional Neural Network
         Acceleration", BMVC 2018, arXiv:1709.06994; MingSun-Tse/Caffe_IncReg for the dynamic target
Cost:    a training step takes as long as without; norms and masks are linear in the weights
Differs: groups are filters (with their biases and normalisation, and all that a residual connection
         couples), not columns, so that they can be removed physically: the paper's code has rows as a
         variant, with another penalty; how many go of each group comes from the allocation, and only
         that ends a group, not the speed-up of the network; importance is the mean over coupled layers
         of L1 norm / mean of the layer, smoothed by h = 0.9 h + norm (switch); t is 180 steps only in
         long trainings, else such that unchanged orders end after 85 % of the guided steps; where these
         are too few, the units with the highest p are removed at the end, and counted; the whole update
         is masked, where the code lets weight decay through; masked weights also for the gradient by
         the inputs; Adam for SGD; validation during training has only the dead masked
"""

from edgeprune.prune.guide import Goal
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.l1 import score
from edgeprune.prune.spp_guide import SppGuide
from edgeprune.prune.spp_layout import units


def guide(goal: Goal) -> SppGuide:
    """The guide with the authors' settings."""
    return SppGuide(units(goal), goal.steps)


SPP = Method("spp", "units masked at random while training, small ones more often", score, guide=guide)
