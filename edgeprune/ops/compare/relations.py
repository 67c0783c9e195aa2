"""The bits of a relation, as in ep_relation.h: what one number may be to another."""

LESS = 1
EQUAL = 2
GREATER = 4
UNORDERED = 8
"""One of the two is NaN."""
