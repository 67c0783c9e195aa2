"""LOGICAL_NOT of a bool tensor."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.operands import Operands
from edgeprune.ops.unary import Params, unary_call
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, ("bool",))
    operands.same_shape(x, out)
    return Params(x.elements)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The opposite."""
    x = inputs[0]
    assert x is not None
    return [np.logical_not(x)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    return unary_call("ep_logical_not_x8", p.elements, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Some shapes."""
    for name, shape in (("vector", (50,)), ("image", (1, 5, 7, 11)), ("one", (1,))):
        x, out = activation(shape, dtype="bool"), activation(shape, dtype="bool")
        yield Case(name, one_op("LOGICAL_NOT", [x], out))


LOGICAL_NOT = Op("LOGICAL_NOT", read, (), reference, kernel, cases, types=("bool",))
