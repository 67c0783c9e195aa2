"""LOGICAL_OR of bool tensors that broadcast."""

import numpy as np

from edgeprune.ops.base import Field
from edgeprune.ops.binary import plain_binary

LOGICAL_OR = plain_binary(
    "LOGICAL_OR",
    {"bool": "ep_logical_x8"},
    np.logical_or,
    (Field("int32_t", "is_or", 1),),
)
