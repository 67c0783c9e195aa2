"""How the cut is shared out among the layers, one file each; to add one, write it and add one line here."""

from edgeprune.prune.allocate.bands import BANDS
from edgeprune.prune.allocate.base import Allocation
from edgeprune.prune.allocate.isomorphic import ISOMORPHIC
from edgeprune.prune.allocate.pfp import PFP
from edgeprune.prune.allocate.ranked import GLOBAL
from edgeprune.prune.allocate.sensitivity import SENSITIVITY
from edgeprune.prune.allocate.uniform import UNIFORM
from edgeprune.table import Table

ALLOCATIONS: Table[Allocation] = Table("allocation", UNIFORM, BANDS, GLOBAL, ISOMORPHIC, PFP, SENSITIVITY)
