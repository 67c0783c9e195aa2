"""L2_NORMALIZATION over the last dimension, float32; lengths below 1e-6 count as that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.floatmath import sqrtf
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.l2_normalization.rows import cases, read_rows
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    rows: int
    depth: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    shape = read_rows(operands)
    float_tensor(operands, operands.input(0))
    float_tensor(operands, operands.output())
    return Params(*shape)


def rows_are_not_empty(p: Params) -> bool:
    """The input must not be empty."""
    return p.rows >= 1 and p.depth >= 1


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row; squares are added in order."""
    assert inputs[0] is not None
    x = inputs[0].astype(np.float32)
    rows = x.reshape(p.rows, p.depth)
    square = np.zeros(p.rows, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for column in rows.T:
            square += column * column
        length = np.maximum(sqrtf(square), np.float32(1e-6))
        return [(rows / length[:, np.newaxis]).reshape(x.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (Field("int32_t", "rows", p.rows), Field("int32_t", "depth", p.depth))
    return KernelCall("ep_l2_normalization_f32", fields, node.inputs, node.outputs, lags=((0, 0),))


L2_NORMALIZATION_F32 = Op(
    "L2_NORMALIZATION",
    read,
    (rows_are_not_empty,),
    reference,
    kernel,
    float_cases(cases, ("zero_point_low", "zero_point_high")),
    types=("float32",),
)
