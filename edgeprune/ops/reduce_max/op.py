"""REDUCE_MAX: the largest element over any axes."""

from edgeprune.ops.reduce_extremum.extremum import reduce_extremum

REDUCE_MAX = reduce_extremum("REDUCE_MAX", is_maximum=True)
