"""SUM, float32, over any axes, added in the order of memory: MEAN's kernel, which then divides by 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.mean.cases import SCALES
from edgeprune.ops.mean.reduction import Reduction, read_reduction
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.ops.sum.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    reduction: Reduction


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    float_tensor(operands, operands.input(0))
    float_tensor(operands, operands.output())
    return Params(read_reduction(operands))


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    return p.reduction.is_supported


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum over the axes."""
    assert inputs[0] is not None
    x = inputs[0].astype(np.float32)
    kept = [d for d in range(x.ndim) if d not in p.reduction.axes]
    rows = x.transpose((*p.reduction.axes, *kept)).reshape(p.reduction.count, -1)
    total = np.zeros(rows.shape[1], np.float32)
    with np.errstate(all="ignore"):
        for row in rows:
            total += row
    return [total.reshape(p.reduction.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """MEAN's kernel; the axes are in the loops, so it does not read their tensor."""
    fields = (*p.reduction.c_fields(), Field("float", "divisor", 1.0))
    return KernelCall("ep_mean_f32", fields, node.inputs[:1], node.outputs)


SUM_F32 = Op(
    "SUM",
    read,
    (shape_is_supported,),
    reference,
    kernel,
    float_cases(cases, [name for name, *_ in SCALES]),
    types=("float32",),
)
