"""LESS_EQUAL of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.LESS | relations.EQUAL

PLAIN_LESS_EQUAL = plain_comparison("LESS_EQUAL", RELATION)
LESS_EQUAL = comparison("LESS_EQUAL", RELATION, PLAIN_LESS_EQUAL)
