"""GATHER at constant indices along one axis, as embeddings and channel shuffles do.

TFLM does not check the indices, so those that are computed could read anywhere: they are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.cases import cases
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.pick.pick import MAX_ENTRIES, Pick, Table, pick_call
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import GatherOptions

TYPES = ("int8", "float32")


@dataclass(frozen=True)
class Params:
    """`indices` has the shape `index_shape`, of which `batch_dims` are the input's first ones."""

    dtype: str
    shape: Shape
    out_shape: Shape
    indices: tuple[int, ...]
    index_shape: Shape
    axis: int
    batch_dims: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out, index_shape = operands.input(0), operands.output(), operands.input(1).shape
    operands.same_dtype(x, out, TYPES)
    options = operands.options(GatherOptions)
    batch_dims = options.batch_dims + (len(index_shape) if options.batch_dims < 0 else 0)
    axis = operands.axis(options.axis, len(x.shape))
    if not 0 <= batch_dims <= min(axis, len(index_shape)):
        raise operands.error(f"{options.batch_dims} batch dimensions, the axis is {axis} of {x.shape}")
    return Params(x.dtype, x.shape, out.shape, operands.integers(1), index_shape, axis, batch_dims)


def indices_are_inside(p: Params) -> bool:
    """Every index must be inside the input."""
    return min(p.indices) >= 0 and max(p.indices) < p.shape[p.axis]


def output_fits(p: Params) -> bool:
    """The output must have the input's shape with the indices' in place of the axis."""
    batches = p.batch_dims
    inserted = (*p.shape[: p.axis], *p.index_shape[batches:], *p.shape[p.axis + 1 :])
    return p.index_shape[:batches] == p.shape[:batches] and p.out_shape == inserted


def indices_are_few(p: Params) -> bool:
    """There must be at most 65536 places to gather from."""
    outer = prod(p.shape[p.batch_dims : p.axis])
    return len(p.indices) * (outer if p.batch_dims else 1) + outer <= MAX_ENTRIES


def _places(p: Params) -> tuple[Table, ...]:
    """Where the slices start, in elements of the input."""
    strides = contiguous_strides(p.shape)
    inner = strides[p.axis]
    outer = np.arange(prod(p.shape[p.batch_dims : p.axis])) * inner * p.shape[p.axis]
    indices = np.array(p.indices, np.int64) * inner
    if not p.batch_dims:
        return outer, indices
    batches = prod(p.shape[: p.batch_dims])
    starts = np.arange(batches) * (prod(p.shape) // batches)
    each = indices.reshape(batches, 1, -1)
    return ((starts[:, np.newaxis, np.newaxis] + outer[:, np.newaxis] + each).reshape(-1),)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The chosen slices."""
    x = inputs[0]
    assert x is not None
    indices = np.array(p.indices).reshape(p.index_shape)
    if not p.batch_dims:
        return [x.take(indices, axis=p.axis)]
    batches = p.shape[: p.batch_dims]
    out = np.empty(p.out_shape, x.dtype)
    for batch in np.ndindex(*batches):
        out[batch] = x[batch].take(indices[batch], axis=p.axis - p.batch_dims)
    return [out]


def kernel(p: Params, node: Node) -> KernelCall:
    """The places are tables in flash."""
    return pick_call(Pick(p.dtype, _places(p), run=prod(p.shape[p.axis + 1 :])), node)


RULES = (indices_are_inside, output_fits, indices_are_few)

GATHER = Op("GATHER", read, RULES, reference, kernel, cases, types=TYPES)
