"""TRANSPOSE of int8, int16 or float32 by a constant permutation."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.gather.gather import Gather, gather_call
from edgeprune.ops.loops import Shape, contiguous_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.transpose.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    dtype: str
    shape: Shape
    out_shape: Shape
    perm: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, ("int8", "int16", "float32"))
    return Params(x.dtype, x.shape, out.shape, operands.integers(1))


def rank_is_at_most_five(p: Params) -> bool:
    """The input must have one to five dimensions, none empty."""
    return 1 <= len(p.shape) <= 5 and 0 not in p.shape


def perm_is_a_permutation(p: Params) -> bool:
    """Each dimension must be named once, not negative, and the output's shape must follow."""
    if sorted(p.perm) != list(range(len(p.shape))):
        return False
    return p.out_shape == tuple(p.shape[axis] for axis in p.perm)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input with its dimensions reordered."""
    x = inputs[0]
    assert x is not None
    return [x.transpose(p.perm)]


def kernel(p: Params, node: Node) -> KernelCall:
    """A strided copy."""
    strides = contiguous_strides(p.shape)
    gather = Gather(p.dtype, p.out_shape, tuple(strides[axis] for axis in p.perm), start=0)
    return gather_call(gather, node)


TRANSPOSE = Op("TRANSPOSE", read, (rank_is_at_most_five, perm_is_a_permutation), reference, kernel, cases)
