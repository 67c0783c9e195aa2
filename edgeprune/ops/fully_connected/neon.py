"""FULLY_CONNECTED for 64-bit Arm: filters packed as ops/neon/filters.py says, rows are its pixels."""

from functools import cache, partial
from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.mve.pack import is_free_of_wrapping
from edgeprune.ops.neon.filters import DOT, NEON, Kind, Packed, pack, steps_of, two_fit
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.fully_connected.op import Params


@cache
def packed(kind: Kind, p: "Params") -> Packed | None:
    """The filters of `p`; None where the kernel cannot run them."""
    steps = steps_of(kind, p.depth, is_exact=True)
    weights = p.filters.reshape(p.channels, 1, p.depth)
    if steps is None or (kind is NEON and not two_fit(weights, steps)):
        return None
    return pack(kind, weights, p.folded_bias.astype("int64"), p.requantization, steps)


def fits(kind: Kind, p: "Params") -> bool:
    """Filters without a zero point, whose results cannot wrap."""
    is_free = is_free_of_wrapping(p.requantization, p.largest_accumulator)
    return not any(p.filter_zero_points) and is_free and packed(kind, p) is not None


def kernel(kind: Kind, p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    filters = packed(kind, p)
    assert filters is not None  # it fits
    fields = (
        *filters.c_fields("filters"),
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
    )
    lag = max(
        min(first + kind.pixels, p.rows) * p.channels - first * p.depth
        for first in range(0, p.rows, kind.pixels)
    )
    name = f"ep_fully_connected_s8_{kind.name}"
    return KernelCall(name, fields, node.inputs[:1], node.outputs, lags=((0, max(0, lag)),))


def instructions(kind: Kind, p: "Params") -> float:
    """By the shape alone."""
    filters = packed(kind, p)
    assert filters is not None
    return 130 + filters.instructions(p.rows)


def _variant(kind: Kind, needs: str) -> "Variant[Params]":
    return Variant(kind.name, needs, partial(fits, kind), partial(kernel, kind), partial(instructions, kind))


FULLY_CONNECTED_NEON = _variant(NEON, "neon")
FULLY_CONNECTED_DOT = _variant(DOT, "dotprod")
