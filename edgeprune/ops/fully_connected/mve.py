"""FULLY_CONNECTED for Helium (MVE): filters packed as ops/mve/pack.py says, rows are its pixels."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.mve.pack import (
    LANES,
    Packed,
    is_free_of_wrapping,
    pack_filters,
    pixels_instructions,
    pixels_lag,
)
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.fully_connected.op import Params


def fits(p: "Params") -> bool:
    """Filters without a zero point, whose results cannot wrap."""
    return not any(p.filter_zero_points) and is_free_of_wrapping(p.requantization, p.largest_accumulator)


@cache
def packed(p: "Params") -> Packed:
    """The filters of `p`."""
    return pack_filters(p.filters, p.folded_bias.astype(np.int64), p.requantization)


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    filters = packed(p)
    fields = (*filters.c_fields(), Field("int32_t", "rows", p.rows), Field("int32_t", "depth", p.depth))
    return KernelCall(
        "ep_fully_connected_s8_mve",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=LANES * (filters.steps if p.depth % LANES else 1),
        lags=((0, pixels_lag(p.rows, p.depth, p.channels)),),
    )


def instructions(p: "Params") -> float:
    """By the shape alone."""
    return 40 + pixels_instructions(packed(p), 1, p.rows, p.depth, p.depth)


FULLY_CONNECTED_MVE = Variant("mve", "mve", fits, kernel, instructions)
