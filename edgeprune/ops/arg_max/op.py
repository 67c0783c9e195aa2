"""ARG_MAX: where along an axis the first largest element is."""

from edgeprune.ops.arg_extremum.extremum import arg_extremum

ARG_MAX = arg_extremum("ARG_MAX", is_maximum=True)
