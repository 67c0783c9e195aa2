"""PAD and PADV2, int8: constant paddings around up to five dimensions.

PAD fills with the output's zero point, PADV2 with a constant in the output's own scale; the scales
of input and output are not compared, the bytes are copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.loops import Shape, contiguous_strides, loop_nest
from edgeprune.ops.operands import Operands
from edgeprune.ops.pad.cases import cases
from edgeprune.ops.pad.float32 import PAD_F32
from edgeprune.ops.pad.int16 import PAD_S16
from edgeprune.ops.pad.int32 import PAD_S32
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    """`before` and `after` are how many elements are added at the ends of each dimension."""

    shape: Shape
    out_shape: Shape
    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a PAD."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    return params_of(operands, operands.int8(operands.output()).zero_point)


def params_of(operands: Operands, fill: int) -> Params:
    """The parameters of a PAD or PADV2 that fills with `fill`."""
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    paddings = operands.integers(1)
    return Params(x.shape, out.shape, paddings[::2], paddings[1::2], fill)


def rank_is_at_most_five(p: Params) -> bool:
    """The input must have one to five dimensions, none empty."""
    return 1 <= len(p.shape) <= 5 and 0 not in p.shape


def paddings_fit(p: Params) -> bool:
    """Two paddings for each dimension, none negative, must make the output's shape."""
    if not len(p.before) == len(p.after) == len(p.shape) or min(p.before + p.after) < 0:
        return False
    return p.out_shape == tuple(sum(parts) for parts in zip(p.before, p.shape, p.after, strict=True))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input inside a frame."""
    x = inputs[0]
    assert x is not None
    out = np.full(p.out_shape, p.fill, np.int8)
    inside = tuple(slice(b, b + extent) for b, extent in zip(p.before, p.shape, strict=True))
    out[inside] = x
    return [out]


def kernel(p: Params, node: Node) -> KernelCall:
    """Fill all, then copy; only the first input of the node is data."""
    strides = contiguous_strides(p.out_shape)
    nest = loop_nest(p.shape, strides)
    out_elements = p.out_shape[0] * strides[0]
    fields = (
        Field("int32_t", "extents", nest.extents),
        Field("int32_t", "strides", nest.strides[0]),
        Field("int32_t", "count", nest.count),
        Field("int32_t", "step", nest.steps[0]),
        Field("int32_t", "start", sum(b * s for b, s in zip(p.before, strides, strict=True))),
        Field("int32_t", "out_count", out_elements),
        Field("int8_t", "fill", p.fill),
    )
    return KernelCall("ep_pad_s8", fields, node.inputs[:1], node.outputs)


RULES = (rank_is_at_most_five, paddings_fit)

PAD = Op(
    "PAD",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(PAD_F32, PAD_S16, PAD_S32),
)
