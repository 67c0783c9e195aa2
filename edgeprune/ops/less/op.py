"""LESS of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.LESS

PLAIN_LESS = plain_comparison("LESS", RELATION)
LESS = comparison("LESS", RELATION, PLAIN_LESS)
