"""FULLY_CONNECTED for cores with the DSP extension: filters packed as ops/dsp/pack.py says.

"dsp" widens a row's inputs into a buffer, "dsp direct" each word of them as it is needed: it takes no
buffer, and one multiplier and shift only once where all filters have the same.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.convolution import Int32Array
from edgeprune.ops.dsp.pack import (
    BLOCK,
    Filters,
    Matrix,
    clamping,
    fits_away,
    fits_relu,
    fold,
    pack,
    read_matrix,
    row_order,
    rows_call,
    rows_instructions,
)
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.fully_connected.op import Params


ENDS = 3
"""Words of requantization of a filter."""


@cache
def filters(p: "Params") -> Filters:
    """The filters of `p`, all of them."""
    return fold(p.filters, p.folded_bias, 0, p.requantization)


@cache
def matrix(p: "Params") -> Matrix:
    """The filters of `p` but those whose outputs are constant, if they are many."""
    return read_matrix(filters(p))


def fits(p: "Params") -> bool:
    """Filters without a zero point whose requantization the cores can do."""
    return not any(p.filter_zero_points) and matrix(p).fits


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    return rows_call(matrix(p), p.rows, p.depth, node)


def instructions(p: "Params") -> float:
    """By the shape alone."""
    return rows_instructions(matrix(p), p.rows, p.depth)


def fits_direct(p: "Params") -> bool:
    """The same for rows of whole words."""
    f = filters(p)
    return p.depth % 4 == 0 and not any(p.filter_zero_points) and (fits_relu(f) or fits_away(f))


def kernel_direct(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel without a buffer; weights and biases are in its params."""
    f = filters(p)
    stream, ends = _packed(f, p.depth)
    is_shared = len(ends) == BLOCK * ENDS < p.channels * ENDS
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "channels", p.channels),
        Field("int32_t", "is_relu", int(fits_relu(f))),
        Field("int32_t", "ends_back", 4 * BLOCK * ENDS if is_shared else 0),
        Field("int32_t", "stream", Constant(stream)),
        Field("int32_t", "ends", Constant(ends)),
        Field("int32_t", "act_min", p.requantization.act_min),
        Field("int32_t", "act_max", p.requantization.act_max),
    )
    return KernelCall("ep_dense_s8_dsp", fields, node.inputs[:1], node.outputs, lags=((0, _lag_direct(p)),))


def _packed(f: Filters, depth: int) -> tuple[Int32Array, Int32Array]:
    """The stream and the ends: of one block where they are the same for all of them."""
    blocks = -(-len(f.bias) // BLOCK)
    whole = pack(f, row_order(depth)).reshape(blocks, -1)
    ends = whole[:, -BLOCK * ENDS :].reshape(-1, ENDS)
    pair = np.tile(ends[:2], (BLOCK * blocks // 2, 1))
    if np.array_equal(ends[: len(f.bias)], pair[: len(f.bias)]):
        ends = pair[:BLOCK]
    return np.ascontiguousarray(whole[:, : -BLOCK * ENDS]).reshape(-1), np.ascontiguousarray(ends).reshape(-1)


def _lag_direct(p: "Params") -> int:
    """Each row of inputs is read until all of its outputs but those of the last block are written."""
    before_last = (p.channels - 1) // BLOCK * BLOCK
    return max(0, before_last, (p.rows - 1) * (p.channels - p.depth) + before_last)


def instructions_direct(p: "Params") -> float:
    """By the shape alone."""
    f = filters(p)
    words, rest = p.depth // 4, p.channels % BLOCK
    blocks = -(-p.channels // BLOCK)
    row = 30 + blocks * (16 * words + 2 * (words // 8 + 1) + (37 if fits_relu(f) else 45))
    row += 30 + 5 * rest if rest else 0
    return 40 + p.rows * row + clamping(p.requantization, p.rows * p.channels)


FULLY_CONNECTED_DSP = Variant("dsp", "dsp", fits, kernel, instructions)
FULLY_CONNECTED_DSP_DIRECT = Variant("dsp direct", "dsp", fits_direct, kernel_direct, instructions_direct)
