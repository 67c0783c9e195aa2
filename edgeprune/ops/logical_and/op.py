"""LOGICAL_AND of bool tensors that broadcast."""

import numpy as np

from edgeprune.ops.base import Field
from edgeprune.ops.binary import plain_binary

LOGICAL_AND = plain_binary(
    "LOGICAL_AND",
    {"bool": "ep_logical_x8"},
    np.logical_and,
    (Field("int32_t", "is_or", 0),),
)
