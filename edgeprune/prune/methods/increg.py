"""IncReg: incremental regularisation; every unit has a weight decay that grows with its low rank.

The decay of a unit moves by SPP's penalty: up while its L1 norm ranks low in its group, down to zero while
it ranks high. What has been shrunk to next to nothing goes. Nothing is drawn at random.

Source:  Wang, Zhang, Wang, Yu and Hu, "Structured Pruning for Efficient ConvNets via Incremental
         Regularization", 2019, as in MingSun-Tse/Caffe_IncReg (A = 0.00025, a group goes at a decay of
         2.5, learning rate 5e-4 throughout)
Cost:    nothing that could be measured
Differs: groups are units of filters, which surgery removes, not columns; decay is decoupled from Adam
         (guide.py) and takes all that makes the unit: filters, biases, normalisation; the authors' A is
         used when training is long enough (60,000 steps or more), else what ends unchanged orders after
         85 % of the guided steps; the decay at which a unit goes is then such that the lowest unit is
         shrunk on its way as with their constants, by e^-6.25; a decay never falls below 0; where the
         steps are too few, the units with the highest decay are removed at the end, and counted
"""

from edgeprune.prune.guide import Goal
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.l1 import score
from edgeprune.prune.spp import Settings
from edgeprune.prune.spp_guide import IncRegGuide
from edgeprune.prune.spp_layout import units


def guide(goal: Goal) -> IncRegGuide:
    """The guide with settings that follow from the length of the training."""
    settings = Settings(smoothing="mean_rank")
    return IncRegGuide(units(goal), goal.steps, goal.learning_rate, settings=settings)


INCREG = Method("increg", "decay of its own, growing while its norm ranks low", score, guide=guide)
