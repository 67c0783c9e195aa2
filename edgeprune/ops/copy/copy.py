"""Moving a tensor's bytes: what operators that change nothing but the place share."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.ops.base import Field, KernelCall
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    size_bytes: int
    out_shape: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`, which has one input and one output of the same type and size."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    source, result = operands.input(0), operands.output()
    operands.same_dtype(source, result, (result.dtype,))
    if source.elements != result.elements:
        raise operands.error(f"{result.name!r} is {result.shape}, {source.name!r} is {source.shape}")
    return Params(result.size_bytes, result.shape)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The same elements."""
    assert inputs[0] is not None
    return [inputs[0].reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """A loop over bytes."""
    fields = (Field("int32_t", "size_bytes", p.size_bytes),)
    return KernelCall("ep_copy_x8", fields, node.inputs, node.outputs, lags=((0, 0),))
