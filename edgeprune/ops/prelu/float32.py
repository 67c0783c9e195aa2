"""PRELU, float32."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.broadcast import Shapes, elementwise_lags, loop_fields, read_shapes, shapes_broadcast
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.ops.prelu.cases import SCALES, cases
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    shapes: Shapes


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    for tensor in (operands.input(0), operands.input(1), operands.output()):
        float_tensor(operands, tensor)
    return Params(read_shapes(operands))


def shapes_are_supported(p: Params) -> bool:
    """The slopes' shape must broadcast to the input's, which is the output's, of at most four dimensions."""
    return p.shapes.a == p.shapes.out and len(p.shapes.out) <= 4 and shapes_broadcast(p.shapes)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input or the product."""
    a, b = inputs
    assert a is not None and b is not None
    x = a.astype(np.float32)
    return [np.where(x >= 0, x, x * b.astype(np.float32))]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    return KernelCall(
        "ep_prelu_f32", loop_fields(p.shapes), node.inputs, node.outputs, lags=elementwise_lags(p.shapes)
    )


PRELU_F32 = Op(
    "PRELU",
    read,
    (shapes_are_supported,),
    reference,
    kernel,
    float_cases(cases, without=[name for name, *_ in SCALES]),
    types=("float32",),
)
