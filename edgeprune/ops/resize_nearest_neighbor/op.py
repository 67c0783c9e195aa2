"""RESIZE_NEAREST_NEIGHBOR of int8, int16 or float32 images; which pixel is nearest is decided on the host.

TFLM computes the pixel in float32; the kernel gets the answers as two tables in flash.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.fixedpoint import round_half_away
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.resize_nearest_neighbor.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph
from edgeprune.tflite.options import ResizeNearestOptions


@dataclass(frozen=True)
class Params:
    dtype: str
    shape: Shape
    out_shape: Shape
    size: tuple[int, ...]
    options: ResizeNearestOptions


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, ("int8", "int16", "float32"))
    return Params(x.dtype, x.shape, out.shape, operands.integers(1), operands.options(ResizeNearestOptions))


def size_is_the_output(p: Params) -> bool:
    """The input must be 4-D and not empty, and only height and width may change, to at most 65535."""
    if len(p.shape) != 4 or len(p.size) != 2 or 0 in p.shape or max(p.shape) > 65535:
        return False
    return p.out_shape == (p.shape[0], *p.size, p.shape[3]) and all(1 <= s <= 65535 for s in p.size)


def sources(p: Params, axis: int) -> npt.NDArray[np.uint16]:
    """The input's index along `axis` for each index of the output."""
    extent, out_extent = p.shape[axis], p.out_shape[axis]
    if p.options.align_corners and out_extent > 1:
        scale = np.float32(extent - 1) / np.float32(out_extent - 1)
    else:
        scale = np.float32(extent) / np.float32(out_extent)
    offset = np.float32(0.5 if p.options.half_pixel_centers else 0.0)
    places = (np.arange(out_extent, dtype=np.float32) + offset) * scale
    if p.options.align_corners:
        nearest = [round_half_away(float(place)) for place in places]
    else:
        nearest = [int(place) for place in np.floor(places)]
    return np.minimum(nearest, extent - 1).astype(np.uint16)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The chosen rows and columns."""
    x = inputs[0]
    assert x is not None
    return [x[:, sources(p, 1)][:, :, sources(p, 2)]]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel, with the chosen rows and columns in flash."""
    batches, in_h, in_w, channels = p.shape
    fields = (
        Field("int32_t", "batches", batches),
        Field("int32_t", "in_h", in_h),
        Field("int32_t", "in_w", in_w),
        Field("int32_t", "out_h", p.out_shape[1]),
        Field("int32_t", "out_w", p.out_shape[2]),
        Field("int32_t", "pixel_bytes", channels * DTYPES[p.dtype].itemsize),
        Field("uint16_t", "rows", Constant(sources(p, 1))),
        Field("uint16_t", "columns", Constant(sources(p, 2))),
    )
    return KernelCall("ep_resize_nearest_neighbor_x8", fields, node.inputs[:1], node.outputs)


RESIZE_NEAREST_NEIGHBOR = Op("RESIZE_NEAREST_NEIGHBOR", read, (size_is_the_output,), reference, kernel, cases)
