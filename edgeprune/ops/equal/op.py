"""EQUAL of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.EQUAL

PLAIN_EQUAL = plain_comparison("EQUAL", RELATION)
EQUAL = comparison("EQUAL", RELATION, PLAIN_EQUAL)
