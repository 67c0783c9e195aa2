"""The pruning methods, one file each; to add one, write it and add one line here."""

from edgeprune.prune.methods.base import Method
from edgeprune.prune.methods.l1 import L1
from edgeprune.prune.methods.l2 import L2
from edgeprune.prune.methods.random import RANDOM
from edgeprune.table import Table

METHODS: Table[Method] = Table("pruning method", L1, L2, RANDOM)
