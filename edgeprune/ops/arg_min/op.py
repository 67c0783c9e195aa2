"""ARG_MIN: where along an axis the first smallest element is."""

from edgeprune.ops.arg_extremum.extremum import arg_extremum

ARG_MIN = arg_extremum("ARG_MIN", is_maximum=False)
