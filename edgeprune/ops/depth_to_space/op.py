"""DEPTH_TO_SPACE: channels become blocks of pixels, SPACE_TO_DEPTH the other way round."""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.depth_to_space.cases import cases
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import contiguous_strides
from edgeprune.ops.space_to_depth.op import TYPES, Params, read, spread
from edgeprune.tflite.graph import Array, Node


def blocks_fit(p: Params) -> bool:
    """The channels of the 4-D input must make whole blocks, and the output's shape must follow."""
    return p.block >= 1 and len(p.shape) == 4 and p.out_shape == spread(p.shape, p.block)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input with its channels cut and reordered."""
    x = inputs[0]
    assert x is not None
    batches, height, width, _ = p.shape
    blocks = x.reshape(batches, height, width, p.block, p.block, -1)
    return [np.ascontiguousarray(blocks.transpose(0, 1, 3, 2, 4, 5)).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    batches, height, width, _ = p.shape
    channels = p.out_shape[3]
    image, row, pixel, _ = contiguous_strides(p.shape)
    extents = (batches, height, p.block, width, p.block, channels)
    strides = (image, row, p.block * channels, pixel, channels, 1)
    return gather_call(Gather(p.dtype, extents, strides, start=0), node)


DEPTH_TO_SPACE = Op("DEPTH_TO_SPACE", read, (blocks_fit,), reference, kernel, cases, types=TYPES)
