"""SLICE with constant begin and size, of at most five dimensions: one strided copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.slice.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph

TYPES = ("int8", "int16", "int32", "float32", "bool")


@dataclass(frozen=True)
class Params:
    """A size of -1 is all that follows `begin`."""

    dtype: str
    shape: Shape
    out_shape: Shape
    begin: tuple[int, ...]
    size: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, TYPES)
    begin, size = operands.integers(1, ("int32", "int64")), operands.integers(2, ("int32", "int64"))
    if operands.input(1).dtype != operands.input(2).dtype:
        raise operands.error("begin and size must have the same type")
    return Params(x.dtype, x.shape, out.shape, begin, size)


def rank_is_at_most_five(p: Params) -> bool:
    """The input must have one to five dimensions, with one begin and one size for each."""
    return 1 <= len(p.shape) <= 5 and len(p.begin) == len(p.size) == len(p.shape)


def output_is_the_slice(p: Params) -> bool:
    """The slice must lie inside the input and have the output's shape."""
    stops = [e if s == -1 else b + s for e, b, s in zip(p.shape, p.begin, p.size, strict=True)]
    inside = all(0 <= b < s <= e for b, s, e in zip(p.begin, stops, p.shape, strict=True))
    return inside and p.out_shape == tuple(s - b for b, s in zip(p.begin, stops, strict=True))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The slice."""
    x = inputs[0]
    assert x is not None
    inside = tuple(slice(b, b + extent) for b, extent in zip(p.begin, p.out_shape, strict=True))
    return [np.ascontiguousarray(x[inside])]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    strides = contiguous_strides(p.shape)
    start = sum(b * s for b, s in zip(p.begin, strides, strict=True))
    return gather_call(Gather(p.dtype, p.out_shape, strides, start), node)


RULES = (rank_is_at_most_five, output_is_the_slice)

SLICE = Op("SLICE", read, RULES, reference, kernel, cases, types=TYPES)
