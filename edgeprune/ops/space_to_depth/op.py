"""SPACE_TO_DEPTH: blocks of pixels become channels, by one strided copy.

Channel (row * block + column) * channels + c of the output is channel c of the pixel at that row and
column of the block. DEPTH_TO_SPACE is the other way round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.space_to_depth.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import BlockOptions

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class Params:
    dtype: str
    shape: Shape
    out_shape: Shape
    block: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SPACE_TO_DEPTH or DEPTH_TO_SPACE."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, TYPES)
    return Params(x.dtype, x.shape, out.shape, operands.options(BlockOptions).block_size)


def blocks_fit(p: Params) -> bool:
    """Whole blocks must cover the 4-D input, and the output's shape must follow."""
    return p.block >= 1 and len(p.out_shape) == 4 and p.shape == spread(p.out_shape, p.block)


def spread(deep: Shape, block: int) -> Shape:
    """The shape whose blocks of pixels are the channels of `deep`, where there is one."""
    batches, height, width, channels = deep
    return (batches, height * block, width * block, channels // block**2) if channels % block**2 == 0 else ()


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input with its dimensions cut and reordered."""
    x = inputs[0]
    assert x is not None
    batches, height, width, _ = p.out_shape
    blocks = x.reshape(batches, height, p.block, width, p.block, -1)
    return [np.ascontiguousarray(blocks.transpose(0, 1, 3, 2, 4, 5)).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    batches, height, width, _ = p.out_shape
    image, row, pixel, _ = contiguous_strides(p.shape)
    extents = (batches, height, width, p.block, p.block, p.shape[3])
    strides = (image, row * p.block, pixel * p.block, row, pixel, 1)
    return gather_call(Gather(p.dtype, extents, strides, start=0), node)


SPACE_TO_DEPTH = Op("SPACE_TO_DEPTH", read, (blocks_fit,), reference, kernel, cases, types=TYPES)
