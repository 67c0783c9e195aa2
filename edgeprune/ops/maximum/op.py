"""MAXIMUM of two tensors that broadcast; of int8 the bytes are compared, the scales are not looked at."""

from edgeprune.ops.extremum.extremum import extremum, maximum

MAXIMUM = extremum("MAXIMUM", maximum)
