"""ADD_N, int8: the sum of two or more tensors of one shape, scale and zero point, added as CUMSUM does.

As there TFLM starts at the zero point's place rather than at 0, and sums that leave 32 bits wrap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.add_n.cases import cases
from edgeprune.ops.add_n.float32 import ADD_N_F32
from edgeprune.ops.add_n.geometry import read_shape
from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.cumsum.op import Scaling, scaling_of
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    inputs: int
    scaling: Scaling


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    read_shape(operands, "int8")
    out, first = operands.int8(operands.output()), operands.int8(operands.input(0))
    for position in range(1, len(node.inputs)):
        x = operands.int8(operands.input(position))
        if (x.scale, x.zero_point) != (first.scale, first.zero_point):
            raise operands.error(f"{x.name!r} must have the scale and zero point of {first.name!r}")
    return Params(out.elements, len(node.inputs), scaling_of(first, out))


def output_scale_is_not_tiny(p: Params) -> bool:
    """The output's scale must be larger than 2^-19 times the inputs'."""
    return p.scaling.is_in_range


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum."""
    total = p.scaling.widened(-p.scaling.in_zero_point).astype(np.int64)
    for x in inputs:
        assert x is not None
        total = total + p.scaling.widened(x.astype(np.int64) - p.scaling.in_zero_point)
    return [p.scaling.outputs(total)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; it takes as many inputs as there are."""
    fields = (Field("int32_t", "count", p.elements), Field("int32_t", "inputs", p.inputs))
    return KernelCall("ep_add_n_s8", (*fields, *p.scaling.c_fields()), node.inputs, node.outputs)


ADD_N = Op(
    "ADD_N",
    read,
    (output_scale_is_not_tiny,),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(ADD_N_F32,),
)
