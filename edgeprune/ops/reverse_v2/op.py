"""REVERSE_V2 along constant, neighbouring axes: one strided copy that walks the input backwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.reverse_v2.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph

TYPES = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")


@dataclass(frozen=True)
class Params:
    """`axes` are counted from the front, lowest first."""

    dtype: str
    shape: Shape
    axes: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, TYPES)
    operands.same_shape(x, out)
    axes = operands.integers(1)
    if len(operands.input(1).shape) != 1:
        raise operands.error(f"the axes have shape {operands.input(1).shape}, must be a list")
    return Params(x.dtype, x.shape, tuple(sorted(operands.axis(axis, len(x.shape)) for axis in axes)))


def axes_are_neighbours(p: Params) -> bool:
    """The axes must be different and have no other between them, of at most six dimensions."""
    return p.axes == tuple(range(p.axes[0], p.axes[-1] + 1)) and len(p.shape) <= 6


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input, turned."""
    x = inputs[0]
    assert x is not None
    return [np.ascontiguousarray(np.flip(x, p.axes))]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    dense = contiguous_strides(p.shape)
    strides = tuple(-stride if axis in p.axes else stride for axis, stride in enumerate(dense))
    start = sum((p.shape[axis] - 1) * dense[axis] for axis in p.axes)
    return gather_call(Gather(p.dtype, p.shape, strides, start), node)


REVERSE_V2 = Op("REVERSE_V2", read, (axes_are_neighbours,), reference, kernel, cases, types=TYPES)
