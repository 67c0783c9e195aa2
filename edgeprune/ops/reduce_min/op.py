"""REDUCE_MIN: the smallest element over any axes."""

from edgeprune.ops.reduce_extremum.extremum import reduce_extremum

REDUCE_MIN = reduce_extremum("REDUCE_MIN", is_maximum=False)
