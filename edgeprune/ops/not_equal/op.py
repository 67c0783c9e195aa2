"""NOT_EQUAL of two tensors that broadcast; int8 is rescaled to 1/256 first."""

from edgeprune.ops.compare import relations
from edgeprune.ops.compare.int8 import comparison, plain_comparison

RELATION = relations.LESS | relations.GREATER | relations.UNORDERED

PLAIN_NOT_EQUAL = plain_comparison("NOT_EQUAL", RELATION)
NOT_EQUAL = comparison("NOT_EQUAL", RELATION, PLAIN_NOT_EQUAL)
