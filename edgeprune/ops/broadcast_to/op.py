"""BROADCAST_TO a constant shape of at most five dimensions: a strided copy that repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.broadcast_to.cases import cases
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, broadcast_strides
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    """`wanted` is the shape that the node states."""

    dtype: str
    shape: Shape
    out_shape: Shape
    wanted: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, DTYPES)
    if len(operands.input(1).shape) != 1:
        raise operands.error(f"the shape has shape {operands.input(1).shape}, must be a list")
    return Params(x.dtype, x.shape, out.shape, operands.integers(1, ("int32", "int64")))


def input_broadcasts(p: Params) -> bool:
    """The input must broadcast to the output, which has the stated shape of at most five dimensions."""
    if p.out_shape != p.wanted or len(p.shape) > len(p.out_shape) or len(p.out_shape) > 5:
        return False
    kept = p.out_shape[len(p.out_shape) - len(p.shape) :]
    return all(extent in (1, wide) for extent, wide in zip(p.shape, kept, strict=True))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input, repeated."""
    x = inputs[0]
    assert x is not None
    return [np.ascontiguousarray(np.broadcast_to(x, p.out_shape))]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    strides = broadcast_strides(p.shape, p.out_shape)
    return gather_call(Gather(p.dtype, p.out_shape, strides, start=0), node)


BROADCAST_TO = Op("BROADCAST_TO", read, (input_broadcasts,), reference, kernel, cases)
