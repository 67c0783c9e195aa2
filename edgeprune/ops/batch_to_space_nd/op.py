"""BATCH_TO_SPACE_ND: images become the pixels of blocks, SPACE_TO_BATCH_ND the other way round."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.batch_to_space_nd.cases import cases
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.pick.pick import MAX_ENTRIES, Pick, pick_call
from edgeprune.ops.space_to_batch_nd.op import TYPES, Blocks, read_blocks
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    blocks: Blocks
    out_shape: Shape


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a BATCH_TO_SPACE_ND."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    out = operands.output()
    return Params(read_blocks(operands, out, operands.input(0)), out.shape)


def blocks_fit(p: Params) -> bool:
    """The input's images must be the pixels of whole blocks, and the output what is left of them."""
    b = p.blocks
    batches, height, width, channels = b.space
    whole = (height + b.ends[0] + b.ends[1], width + b.ends[2] + b.ends[3])
    images, rows, columns, _ = b.batch
    if images != batches * b.block_h * b.block_w or channels != b.batch[3]:
        return False
    return whole == (rows * b.block_h, columns * b.block_w)


def output_is_not_huge(p: Params) -> bool:
    """Batches, height and width of the output must add up to at most 65536."""
    return sum(p.blocks.space[:3]) <= MAX_ENTRIES


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input with its dimensions reordered, and its ends cut off."""
    x = inputs[0]
    assert x is not None
    b = p.blocks
    batches, height, width, channels = b.space
    _, rows, columns, _ = b.batch
    images = x.reshape(b.block_h, b.block_w, batches, rows, columns, channels).transpose(2, 3, 0, 4, 1, 5)
    whole = images.reshape(batches, rows * b.block_h, columns * b.block_w, channels)
    top, _, left, _ = b.ends
    kept = whole[:, top : top + height, left : left + width]
    return [np.ascontiguousarray(kept).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The input's place for each image, row and column of the output is a table in flash."""
    b = p.blocks
    batches, height, width, channels = b.space
    image, row, pixel, _ = contiguous_strides(b.batch)
    y, x = np.arange(height) + b.ends[0], np.arange(width) + b.ends[2]
    rows = y // b.block_h * row + y % b.block_h * b.block_w * batches * image
    columns = x // b.block_w * pixel + x % b.block_w * batches * image
    return pick_call(Pick(b.dtype, (np.arange(batches) * image, rows, columns), run=channels), node)


RULES = (blocks_fit, output_is_not_huge)

BATCH_TO_SPACE_ND = Op("BATCH_TO_SPACE_ND", read, RULES, reference, kernel, cases, types=TYPES)
