"""GREATER_EQUAL of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.GREATER | relations.EQUAL

PLAIN_GREATER_EQUAL = plain_comparison("GREATER_EQUAL", RELATION)
GREATER_EQUAL = comparison("GREATER_EQUAL", RELATION, PLAIN_GREATER_EQUAL)
