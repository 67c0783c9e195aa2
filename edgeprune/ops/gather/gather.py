"""Operators that only choose and reorder elements (TRANSPOSE, STRIDED_SLICE): one strided copy.

The kernel moves bytes: an element wider than one byte is one more, innermost dimension.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall
from edgeprune.ops.loops import LoopNest, Shape, loop_nest
from edgeprune.ops.overlap import run_lags
from edgeprune.tflite.graph import DTYPES, Node


def byte_loops(dtype: str, extents: Shape, *strides: Sequence[int]) -> LoopNest:
    """`loop_nest` in bytes, for strides in elements of `dtype`."""
    item = DTYPES[dtype].itemsize
    scaled = [[*(stride * item for stride in one), 1] for one in strides]
    return loop_nest((*extents, item), *scaled)


@dataclass(frozen=True)
class Gather:
    """The output's shape, and how the input is walked along it: strides and start in elements."""

    dtype: str
    out_shape: Shape
    strides: tuple[int, ...]
    start: int


def gather_call(gather: Gather, node: Node) -> KernelCall:
    """The kernel call that copies; only the first input of `node` is data."""
    nest = byte_loops(gather.dtype, gather.out_shape, gather.strides)
    start = gather.start * DTYPES[gather.dtype].itemsize
    fields = (
        Field("int32_t", "extents", nest.extents),
        Field("int32_t", "strides", nest.strides[0]),
        Field("int32_t", "count", nest.count),
        Field("int32_t", "step", nest.steps[0]),
        Field("int32_t", "start", start),
    )
    places = [np.arange(e) * s for e, s in zip(nest.extents, nest.strides[0], strict=True)]
    lags = run_lags(start, places, nest.count, nest.steps[0])
    return KernelCall("ep_gather_x8", fields, node.inputs[:1], node.outputs, lags=lags)
