"""STRIDED_SLICE with constant begin, end and strides, at most four dimensions.

TFLM ignores the ellipsis and new-axis masks and the option `offset`, so rules refuse them, and it
copies nothing where a shrunk axis has a negative stride.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.strided_slice.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import StridedSliceOptions


@dataclass(frozen=True)
class Params:
    dtype: str
    shape: Shape
    out_shape: Shape
    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]
    options: StridedSliceOptions


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(4, 4)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, ("int8", "int16", "int32", "float32", "bool"))
    bounds = operands.integers(1), operands.integers(2), operands.integers(3)
    return Params(x.dtype, x.shape, out.shape, *bounds, operands.options(StridedSliceOptions))


def bounds_have_the_rank(p: Params) -> bool:
    """One to four dimensions, with one begin, end and stride other than 0 for each."""
    lengths = {len(p.begin), len(p.end), len(p.strides)}
    return lengths == {len(p.shape)} and 1 <= len(p.shape) <= 4 and 0 not in p.strides


def masks_are_supported(p: Params) -> bool:
    """There must be no ellipsis, no new axis and no offset mode: TFLM ignores them."""
    return not (p.options.ellipsis_mask or p.options.new_axis_mask or p.options.offset)


def shrunk_axes_are_plain(p: Params) -> bool:
    """A shrunk axis must have a positive stride and an index inside the input."""
    axes = [axis for axis in range(len(p.shape)) if p.options.shrink_axis_mask >> axis & 1]
    return all(p.strides[axis] > 0 and 0 <= _start(p, axis) < p.shape[axis] for axis in axes)


def output_is_the_slice(p: Params) -> bool:
    """The output must have the slice's shape and must not be empty."""
    kept = [axis for axis in range(len(p.shape)) if not p.options.shrink_axis_mask >> axis & 1]
    lengths = tuple(_length(p, axis) for axis in range(len(p.shape)))
    return 0 not in lengths and p.out_shape == tuple(lengths[axis] for axis in kept)


def _start(p: Params, axis: int) -> int:
    """The first index along `axis`, clamped; may lie just outside."""
    extent, stride = p.shape[axis], p.strides[axis]
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    if p.options.begin_mask >> axis & 1:
        return 0 if stride > 0 else extent - 1
    begin = p.begin[axis] + (extent if p.begin[axis] < 0 else 0)
    return max(low, min(high, begin))


def _length(p: Params, axis: int) -> int:
    """How many elements the slice has along `axis`."""
    if p.options.shrink_axis_mask >> axis & 1:
        return 1
    extent, stride = p.shape[axis], p.strides[axis]
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    end = p.end[axis] + (extent if p.end[axis] < 0 else 0)
    if p.options.end_mask >> axis & 1:
        end = high if stride > 0 else low
    return len(range(_start(p, axis), max(low, min(high, end)), stride))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The slice, axis by axis."""
    x = inputs[0]
    assert x is not None
    for axis, stride in enumerate(p.strides):
        start = _start(p, axis)
        x = x.take([start + i * stride for i in range(_length(p, axis))], axis=axis)
    return [x.reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    dense = contiguous_strides(p.shape)
    lengths = tuple(_length(p, axis) for axis in range(len(p.shape)))
    strides = tuple(d * s for d, s in zip(dense, p.strides, strict=True))
    start = sum(_start(p, axis) * d for axis, d in enumerate(dense))
    return gather_call(Gather(p.dtype, lengths, strides, start), node)


RULES = (bounds_have_the_rank, masks_are_supported, shrunk_axes_are_plain, output_is_the_slice)

STRIDED_SLICE = Op("STRIDED_SLICE", read, RULES, reference, kernel, cases)
