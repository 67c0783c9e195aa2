"""UNPACK: the slices of a tensor along one axis, which their shapes no longer have; on SPLIT's kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.split.op import TYPES, split_call
from edgeprune.ops.unpack.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import UnpackOptions


@dataclass(frozen=True)
class Params:
    dtype: str
    shape: Shape
    out_shapes: tuple[Shape, ...]
    axis: int
    num: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1, outputs=len(node.outputs))
    x, options = operands.input(0), operands.options(UnpackOptions)
    outputs = [operands.output(i) for i in range(len(node.outputs))]
    for out in outputs:
        operands.same_dtype(x, out, TYPES)
    axis = operands.axis(options.axis, len(x.shape))
    return Params(x.dtype, x.shape, tuple(out.shape for out in outputs), axis, options.num)


def outputs_are_the_slices(p: Params) -> bool:
    """There must be one output for each index of the axis, with the input's shape less the axis."""
    slices = (*p.shape[: p.axis], *p.shape[p.axis + 1 :])
    return len(p.out_shapes) == p.num == p.shape[p.axis] and set(p.out_shapes) == {slices}


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The slices, in order."""
    x = inputs[0]
    assert x is not None
    return [x.take(i, axis=p.axis).reshape(p.out_shapes[i]) for i in range(p.num)]


def kernel(p: Params, node: Node) -> KernelCall:
    """SPLIT's kernel, with chunks of one index."""
    row = prod(p.shape[p.axis + 1 :])
    return split_call(p.dtype, prod(p.shape[: p.axis]), (row,) * p.num, node.inputs[0], node)


UNPACK = Op("UNPACK", read, (outputs_are_the_slices,), reference, kernel, cases, types=TYPES)
