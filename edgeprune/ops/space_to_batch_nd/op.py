"""SPACE_TO_BATCH_ND: every pixel of a block goes to an image of its own, as dilated convolutions want.

Image (row * block_w + column) * batches + b of the output has the pixels that are at that row and
column of the blocks of image b, after padding. The padding is the output's zero point, as in TFLite:
TFLM pads with a number that it never sets, whatever is in its memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.space_to_batch_nd.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph, Tensor

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class Blocks:
    """Blocks of pixels; three-dimensional tensors (batches, height, channels) have width 1.

    `ends` are what is added (SPACE_TO_BATCH_ND) or taken away (BATCH_TO_SPACE_ND) at the top, bottom,
    left and right of the images of shape `space`; `batch` is the shape of the other side.
    """

    dtype: str
    space: Shape
    batch: Shape
    block_h: int
    block_w: int
    ends: tuple[int, int, int, int]


@dataclass(frozen=True)
class Params:
    blocks: Blocks
    out_shape: Shape
    fill: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SPACE_TO_BATCH_ND."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    x, out = operands.input(0), operands.output()
    fill = 0 if x.dtype == "float32" else operands.one_scale(out).zero_point
    return Params(read_blocks(operands, x, out), out.shape, fill)


def read_blocks(operands: Operands, space: Tensor, batch: Tensor) -> Blocks:
    """The blocks of a node between `space` and `batch`, its input and output or the other way round."""
    operands.same_dtype(operands.input(0), operands.output(), TYPES)
    rank = len(space.shape)
    if rank not in (3, 4) or len(batch.shape) != rank:
        raise operands.error(
            f"{space.name!r} is {space.shape}, {batch.name!r} is {batch.shape}: must be 3-D or 4-D"
        )
    block, ends = operands.integers(1), operands.integers(2)
    if len(block) != rank - 2 or len(ends) != 2 * len(block) or min(block) < 1 or min(ends) < 0:
        raise operands.error(f"blocks of {block} with {ends} at the ends do not fit {space.shape}")
    block_h, block_w = (*block, 1)[:2]
    top, bottom, left, right = (*ends, 0, 0)[:4]
    return Blocks(
        space.dtype,
        as_images(space.shape),
        as_images(batch.shape),
        block_h,
        block_w,
        (top, bottom, left, right),
    )


def as_images(shape: Shape) -> Shape:
    """`shape` with four dimensions."""
    return shape if len(shape) == 4 else (shape[0], shape[1], 1, shape[2])


def blocks_fit(p: Params) -> bool:
    """Whole blocks must cover the padded input, and the output's shape must follow."""
    b = p.blocks
    batches, height, width, channels = b.space
    rows, columns = height + b.ends[0] + b.ends[1], width + b.ends[2] + b.ends[3]
    if rows % b.block_h or columns % b.block_w:
        return False
    return b.batch == (batches * b.block_h * b.block_w, rows // b.block_h, columns // b.block_w, channels)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The padded input with its dimensions cut and reordered."""
    x = inputs[0]
    assert x is not None
    b = p.blocks
    top, bottom, left, right = b.ends
    ends = ((0, 0), (top, bottom), (left, right), (0, 0))
    padded = np.pad(x.reshape(b.space), ends, constant_values=p.fill)
    batches, _, _, channels = b.space
    _, height, width, _ = b.batch
    blocks = padded.reshape(batches, height, b.block_h, width, b.block_w, channels)
    return [np.ascontiguousarray(blocks.transpose(2, 4, 0, 1, 3, 5)).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    b = p.blocks
    batches, in_h, in_w, channels = b.space
    _, out_h, out_w, _ = b.batch
    names = ("batches", "in_h", "in_w", "out_h", "out_w", "block_h", "block_w", "pad_top", "pad_left")
    values = (batches, in_h, in_w, out_h, out_w, b.block_h, b.block_w, b.ends[0], b.ends[2])
    fields = [Field("int32_t", name, value) for name, value in zip(names, values, strict=True)]
    fields.append(Field("int32_t", "pixel_bytes", channels * DTYPES[b.dtype].itemsize))
    fields.append(Field("uint8_t", "fill", p.fill % 256))
    return KernelCall("ep_space_to_batch_x8", tuple(fields), node.inputs[:1], node.outputs)


SPACE_TO_BATCH_ND = Op("SPACE_TO_BATCH_ND", read, (blocks_fit,), reference, kernel, cases, types=TYPES)
