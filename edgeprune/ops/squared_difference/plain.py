"""SQUARED_DIFFERENCE of types without scales: float32, and int32, which wraps."""

import numpy as np

from edgeprune.ops.binary import plain_binary
from edgeprune.tflite.graph import Array

KERNELS = {"float32": "ep_squared_difference_f32", "int32": "ep_squared_difference_s32"}


def squared_difference(a: Array, b: Array) -> Array:
    """(a - b)^2."""
    with np.errstate(over="ignore"):
        difference: Array = np.subtract(a, b)
        square: Array = np.square(difference)
    return square


PLAIN_SQUARED_DIFFERENCE = plain_binary("SQUARED_DIFFERENCE", KERNELS, squared_difference)
