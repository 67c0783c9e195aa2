"""SPP on columns: structured probabilistic pruning of kernel positions over all filters, the paper's form.

A column is one (row, column, input channel) of a convolution. The network keeps its shape and holds zeros;
the compiler leaves dead columns out, an ordinary runtime gains nothing. Speed-up counts convolutions
alone. `--keep` names channels; it keeps no columns.

Source:  Wang, Zhang, Wang and Hu, "Structured Probabilistic Pruning for Convolutional Neural Network
         Acceleration", BMVC 2018, arXiv:1709.06994, algorithm 1; MingSun-Tse/Caffe_IncReg
Cost:    a training step takes as long as without; norms and masks are linear in the weights
Differs: the target is dynamic, as in the code, where the paper's static one stalls; convolutions with
         several groups and depthwise ones are left whole, and others make up for their MACs; a layer
         keeps at least one column; filters that nobody reads any more are not zeroed; importance is
         smoothed by h = 0.9 h + norm (switch); t is 180 steps only in long trainings, else such that
         unchanged orders end after 85 % of the guided steps; where these are too few, the columns with
         the highest p are removed at the end, and counted; the whole update is masked, where the code
         lets weight decay through; masked weights also for the gradient by the inputs; Adam for SGD;
         survivors are not scaled by 1 - p (switch); validation during training has only the dead masked
"""

from edgeprune.prune.guide import Goal
from edgeprune.prune.methods.base import Method
from edgeprune.prune.spp_guide import SppGuide
from edgeprune.prune.spp_layout import columns


def guide(goal: Goal) -> SppGuide:
    """The guide with the authors' settings."""
    return SppGuide(columns(goal), goal.steps)


SPP_COLUMNS = Method(
    "spp-columns",
    "kernel positions masked at random while training, the more often the smaller",
    guide=guide,
    structure="columns",
    allocation="uniform",
)
