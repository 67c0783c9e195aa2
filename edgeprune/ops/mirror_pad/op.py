"""MIRROR_PAD by constant paddings, of at most five dimensions.

REFLECT leaves out the edge, SYMMETRIC repeats it. TFLM stops at the first element where the padding
after the last one is too long, and reads past the end where the padding before the first one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.mirror_pad.cases import cases
from edgeprune.ops.operands import Operands
from edgeprune.ops.pick.pick import MAX_ENTRIES, Pick, Table, pick_call
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import MirrorPadOptions

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class Params:
    """`edge` is how many elements at an end are not repeated: 1 for REFLECT, 0 for SYMMETRIC."""

    dtype: str
    shape: Shape
    out_shape: Shape
    before: tuple[int, ...]
    after: tuple[int, ...]
    edge: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, TYPES)
    if operands.input(1).shape != (len(x.shape), 2):
        raise operands.error(f"the paddings have shape {operands.input(1).shape}, {x.name!r} is {x.shape}")
    paddings = operands.integers(1, ("int32", "int64"))
    edge = 1 if operands.options(MirrorPadOptions).mode == "REFLECT" else 0
    return Params(x.dtype, x.shape, out.shape, paddings[::2], paddings[1::2], edge)


def paddings_fit(p: Params) -> bool:
    """Paddings of one to five dimensions, none negative, must make the output's shape."""
    if not 1 <= len(p.shape) <= 5 or min(p.before + p.after) < 0:
        return False
    return p.out_shape == tuple(sum(parts) for parts in zip(p.before, p.shape, p.after, strict=True))


def paddings_are_short(p: Params) -> bool:
    """What is padded must be there to be mirrored: paddings must not be longer than the dimension."""
    most = [extent - p.edge for extent in p.shape]
    return all(b <= m and a <= m for b, a, m in zip(p.before, p.after, most, strict=True))


def output_is_not_huge(p: Params) -> bool:
    """The extents of the output must add up to at most 65536."""
    return sum(p.out_shape) <= MAX_ENTRIES


def _sources(p: Params, axis: int) -> Table:
    """The input's index along `axis` for each index of the output."""
    extent, before = p.shape[axis], p.before[axis]
    places = np.arange(p.out_shape[axis]) - before
    places = np.where(places < 0, p.edge - 1 - places, places)
    beyond = 2 * extent - p.edge - 1 - places
    sources: Table = np.where(places >= extent, beyond, places)
    return sources


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input, mirrored at its ends."""
    x = inputs[0]
    assert x is not None
    mode = "reflect" if p.edge else "symmetric"
    return [np.pad(x, tuple(zip(p.before, p.after, strict=True)), mode=mode)]  # type: ignore[call-overload]


def kernel(p: Params, node: Node) -> KernelCall:
    """The input's place for each index of the output is a table in flash."""
    strides = contiguous_strides(p.shape)
    tables = tuple(_sources(p, axis) * stride for axis, stride in enumerate(strides))
    return pick_call(Pick(p.dtype, tables), node)


RULES = (paddings_fit, paddings_are_short, output_is_not_huge)

MIRROR_PAD = Op("MIRROR_PAD", read, RULES, reference, kernel, cases, types=TYPES)
