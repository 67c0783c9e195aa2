"""EXPAND_DIMS at a constant axis: one more dimension of extent 1, the bytes stay, so no kernel runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.errors import InternalError
from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.expand_dims.cases import cases
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

TYPES = ("int8", "int16", "float32")


@dataclass(frozen=True)
class Params:
    shape: Shape
    out_shape: Shape
    axis: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, TYPES)
    axes = operands.integers(1)
    if len(axes) != 1 or len(operands.input(1).shape) > 1:
        raise operands.error(f"the axis has shape {operands.input(1).shape}, must be one number")
    return Params(x.shape, out.shape, operands.axis(axes[0], len(x.shape) + 1))


def output_has_one_more(p: Params) -> bool:
    """The output must have the input's shape with extent 1 at the axis."""
    return p.out_shape == (*p.shape[: p.axis], 1, *p.shape[p.axis :])


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The same values in the output's shape."""
    x = inputs[0]
    assert x is not None
    return [x.reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """There is none: the output is an alias of the input; raises InternalError."""
    raise InternalError("EXPAND_DIMS is an alias, no kernel runs")


EXPAND_DIMS = Op(
    "EXPAND_DIMS", read, (output_has_one_more,), reference, kernel, cases, is_alias=True, types=TYPES
)
