"""MAXIMUM and MINIMUM, of every type that TFLM has: the second input where neither is larger."""

import numpy as np

from edgeprune.ops.base import Field, Op
from edgeprune.ops.binary import Function, Params, plain_binary
from edgeprune.tflite.graph import Array

KERNELS = {
    "int8": "ep_extremum_s8",
    "int16": "ep_extremum_s16",
    "int32": "ep_extremum_s32",
    "int64": "ep_extremum_s64",
    "float32": "ep_extremum_f32",
}


def maximum(a: Array, b: Array) -> Array:
    """The larger of each pair."""
    return np.where(np.greater(a, b), a, b)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of each pair."""
    return np.where(np.less(a, b), a, b)


def extremum(name: str, function: Function) -> Op[Params]:
    """The operator `name`, which is `maximum` or `minimum`."""
    is_maximum = Field("int32_t", "is_maximum", int(function is maximum))
    return plain_binary(name, KERNELS, function, (is_maximum,))
