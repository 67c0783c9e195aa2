"""FULLY_CONNECTED on Armv6-M: eight outputs at a time; how is told in m0/ep_dot8_core_m0.h."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.m0.requantize import Fitted, accumulator_range, fit, record_words
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.fully_connected.op import Params

BLOCK = 8
"""Outputs that are computed together."""


@lru_cache(maxsize=256)
def _fitted(p: "Params") -> Fitted | None:
    weights = p.filters.astype(np.int64) - p.filter_zero_points[0]
    folded = p.folded_bias.astype(np.int64)
    low, high = accumulator_range(weights, folded, 0)
    return fit(low, high, folded, p.requantization)


def _blocks(filters: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """(blocks of channels, inputs, channels of a block), plus 128."""
    channels, depth = filters.shape
    shifted = np.pad((filters.astype(np.int16) + 128).astype(np.uint8), ((0, -channels % BLOCK), (0, 0)))
    return shifted.reshape(-1, BLOCK, depth).transpose(0, 2, 1)


def _fits(p: "Params") -> bool:
    """Blocks must not be so empty that the portable kernel, of 7 instructions a weight, is faster."""
    return 26 * -(-p.channels // BLOCK) < 7 * p.channels and _fitted(p) is not None


def _kernel(p: "Params", node: Node) -> KernelCall:
    fitted = _fitted(p)
    assert fitted is not None
    how = p.requantization
    records = np.pad(record_words(fitted.records), ((0, -p.channels % BLOCK), (0, 0)))
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "out_channels", p.channels),
        Field("int32_t", "row_factor", 128 + p.filter_zero_points[0]),
        Field("int32_t", "piece_bits", fitted.bits),
        Field("uint8_t", "weights", Constant(_blocks(p.filters))),
        Field("int32_t", "channels", Constant(records)),
        Field("int32_t", "act_min", how.act_min),
        Field("int32_t", "act_max", how.act_max),
    )
    name = "ep_fully_connected_signed_s8_m0" if fitted.is_signed else "ep_fully_connected_s8_m0"
    return KernelCall(name, fields, node.inputs[:1], node.outputs)


def _instructions(p: "Params") -> float:
    """From the listing of the core; those of the C around it are fitted to counts."""
    fitted = _fitted(p)
    assert fitted is not None
    blocks = -(-p.channels // BLOCK)
    sums = blocks * (26 * p.depth + (p.depth + 3) // 4 * 2 + 68)
    outputs = p.channels * (fitted.instructions + 6)
    clamped = p.requantization.act_min > -128 or p.requantization.act_max < 127
    return 30 + p.rows * (sums + outputs + 3.4 * p.depth + 110 + 11 * p.channels * clamped)


FULLY_CONNECTED_M0 = Variant("m0", "armv6m", _fits, _kernel, _instructions)
