"""RESHAPE of any type: the same bytes under another shape, so no kernel runs.

TFLM takes the shape from the output tensor and does not read the second input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgeprune.errors import InternalError
from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.reshape.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    shape: Shape
    out_shape: Shape


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, DTYPES)
    return Params(x.shape, out.shape)


def elements_are_the_same(p: Params) -> bool:
    """The output must have as many elements as the input."""
    return prod(p.shape) == prod(p.out_shape)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The same values in the output's shape."""
    x = inputs[0]
    assert x is not None
    return [x.reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """There is none: the output is an alias of the input; raises InternalError."""
    raise InternalError("RESHAPE is an alias, no kernel runs")


RESHAPE = Op("RESHAPE", read, (elements_are_the_same,), reference, kernel, cases, is_alias=True)
