"""The pruning methods, one file each; to add one, write it and add one line here."""

from edgeprune.prune.methods.agp import AGP
from edgeprune.prune.methods.apoz import APOZ
from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.bn_scale import BN_SCALE
from edgeprune.prune.methods.channel_lasso import CHANNEL_LASSO
from edgeprune.prune.methods.chip import CHIP
from edgeprune.prune.methods.fpgm import FPGM
from edgeprune.prune.methods.greg import GREG
from edgeprune.prune.methods.greg_2 import GREG_2
from edgeprune.prune.methods.group_l2 import GROUP_L2
from edgeprune.prune.methods.group_sl import GROUP_SL
from edgeprune.prune.methods.hrank import HRANK
from edgeprune.prune.methods.increg import INCREG
from edgeprune.prune.methods.l1 import L1
from edgeprune.prune.methods.l2 import L2
from edgeprune.prune.methods.lamp import LAMP
from edgeprune.prune.methods.magnitude import MAGNITUDE
from edgeprune.prune.methods.pfp import PFP
from edgeprune.prune.methods.pfp_mixed import PFP_MIXED
from edgeprune.prune.methods.pfp_random import PFP_RANDOM
from edgeprune.prune.methods.random import RANDOM
from edgeprune.prune.methods.scratch import SCRATCH
from edgeprune.prune.methods.slimming import SLIMMING
from edgeprune.prune.methods.soft import SOFT
from edgeprune.prune.methods.spp import SPP
from edgeprune.prune.methods.spp_channels import SPP_CHANNELS
from edgeprune.prune.methods.spp_columns import SPP_COLUMNS
from edgeprune.prune.methods.ssl import SSL
from edgeprune.prune.methods.taylor import TAYLOR
from edgeprune.prune.methods.taylor_weights import TAYLOR_WEIGHTS
from edgeprune.prune.methods.thinet import THINET
from edgeprune.table import Table

METHODS: Table[Method] = Table(
    "pruning method",
    AGP,
    APOZ,
    BN_SCALE,
    CHANNEL_LASSO,
    CHIP,
    FPGM,
    GREG,
    GREG_2,
    GROUP_L2,
    GROUP_SL,
    HRANK,
    INCREG,
    L1,
    L2,
    LAMP,
    MAGNITUDE,
    PFP,
    PFP_MIXED,
    PFP_RANDOM,
    RANDOM,
    SCRATCH,
    SLIMMING,
    SOFT,
    SPP,
    SPP_CHANNELS,
    SPP_COLUMNS,
    SSL,
    TAYLOR,
    TAYLOR_WEIGHTS,
    THINET,
)
