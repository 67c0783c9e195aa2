"""GREATER of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.GREATER

PLAIN_GREATER = plain_comparison("GREATER", RELATION)
GREATER = comparison("GREATER", RELATION, PLAIN_GREATER)
