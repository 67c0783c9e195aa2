"""SPP on input channels: as spp-columns, but all columns of a convolution that read one channel go together.

What is left is a list of whole channels for each convolution, which a kernel gathers more easily than
single positions. Speed-up counts convolutions alone.

Source:  Wang, Zhang, Wang and Hu, "Structured Probabilistic Pruning for Convolutional Neural Network
         Acceleration", BMVC 2018, arXiv:1709.06994; MingSun-Tse/Caffe_IncReg has the groups as a late option
Cost:    a training step takes as long as without; norms and masks are linear in the weights
Differs: as spp-columns; the authors note that channel-wise groups worked poorly for them
"""

from edgeprune.prune.guide import Goal
from edgeprune.prune.methods.base import Method
from edgeprune.prune.spp_guide import SppGuide
from edgeprune.prune.spp_layout import columns


def guide(goal: Goal) -> SppGuide:
    """The guide with the authors' settings."""
    return SppGuide(columns(goal, "channels"), goal.steps)


SPP_CHANNELS = Method(
    "spp-channels",
    "input channels of single convolutions masked at random while training",
    guide=guide,
    structure="columns",
    allocation="uniform",
)
