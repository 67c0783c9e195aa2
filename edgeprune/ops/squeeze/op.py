"""SQUEEZE of any type: dimensions of extent 1 are left out, the bytes stay, so no kernel runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.errors import InternalError
from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.squeeze.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph
from edgeprune.tflite.options import SqueezeOptions


@dataclass(frozen=True)
class Params:
    """`dims` are counted from the front; empty: all of extent 1."""

    shape: Shape
    out_shape: Shape
    dims: tuple[int, ...]


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, DTYPES)
    dims = operands.options(SqueezeOptions).squeeze_dims
    return Params(x.shape, out.shape, tuple(operands.axis(d, len(x.shape)) for d in dims))


def dimensions_are_one(p: Params) -> bool:
    """The dimensions that are left out must have extent 1, and the output's shape must follow."""
    dims = p.dims or tuple(d for d, extent in enumerate(p.shape) if extent == 1)
    kept = tuple(extent for d, extent in enumerate(p.shape) if d not in dims)
    return all(p.shape[d] == 1 for d in dims) and p.out_shape == kept


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The same values in the output's shape."""
    x = inputs[0]
    assert x is not None
    return [x.reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """There is none: the output is an alias of the input; raises InternalError."""
    raise InternalError("SQUEEZE is an alias, no kernel runs")


SQUEEZE = Op("SQUEEZE", read, (dimensions_are_one,), reference, kernel, cases, is_alias=True)
