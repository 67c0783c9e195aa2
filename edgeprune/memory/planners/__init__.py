"""The memory planners, by name."""

from edgeprune.memory.plan import Planner
from edgeprune.memory.planners.by_size import BY_SIZE
from edgeprune.memory.planners.exact import EXACT
from edgeprune.memory.planners.search import SEARCH
from edgeprune.table import Table

PLANNERS: Table[Planner] = Table("memory planner", BY_SIZE, SEARCH, EXACT)
