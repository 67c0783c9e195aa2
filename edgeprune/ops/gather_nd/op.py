"""GATHER_ND at constant indices: each names the first coordinates of an element or of a slice.

TFLM only checks that the place is inside the input; we want each coordinate to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather_nd.cases import cases
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.pick.pick import MAX_ENTRIES, Pick, pick_call
from edgeprune.tflite.graph import Array, Node, QuantGraph

TYPES = ("int8", "float32")

MAX_COORDINATES = 5


@dataclass(frozen=True)
class Params:
    """`indices` has the shape `index_shape`; its last dimension is the coordinates."""

    dtype: str
    shape: Shape
    out_shape: Shape
    indices: tuple[int, ...]
    index_shape: Shape

    @property
    def coordinates(self) -> npt.NDArray[np.int64]:
        """One row for each slice."""
        return np.array(self.indices, np.int64).reshape(-1, self.index_shape[-1])


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out, index_shape = operands.input(0), operands.output(), operands.input(1).shape
    operands.same_dtype(x, out, TYPES)
    if not x.shape or not index_shape or index_shape[-1] > min(len(x.shape), MAX_COORDINATES):
        raise operands.error(f"indices of shape {index_shape} are no coordinates in {x.shape}")
    return Params(x.dtype, x.shape, out.shape, operands.integers(1), index_shape)


def coordinates_are_inside(p: Params) -> bool:
    """Every coordinate must be inside the input."""
    extents = np.array(p.shape[: p.index_shape[-1]])
    return bool(((p.coordinates >= 0) & (p.coordinates < extents)).all())


def output_fits(p: Params) -> bool:
    """The output must have the indices' shape with a slice's in place of the coordinates."""
    return p.out_shape == (*p.index_shape[:-1], *p.shape[p.index_shape[-1] :])


def indices_are_few(p: Params) -> bool:
    """There must be at most 65536 slices."""
    return prod(p.index_shape[:-1]) <= MAX_ENTRIES


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The chosen slices."""
    x = inputs[0]
    assert x is not None
    return [np.stack([x[tuple(place)] for place in p.coordinates]).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The places are a table in flash."""
    strides = contiguous_strides(p.shape)[: p.index_shape[-1]]
    starts = p.coordinates @ np.array(strides, np.int64)
    return pick_call(Pick(p.dtype, (starts,), run=prod(p.shape[p.index_shape[-1] :])), node)


RULES = (coordinates_are_inside, output_fits, indices_are_few)

GATHER_ND = Op("GATHER_ND", read, RULES, reference, kernel, cases, types=TYPES)
