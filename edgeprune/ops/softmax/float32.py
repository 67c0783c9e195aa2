"""SOFTMAX over the last dimension in float32: the sum of a row is added up in order, in float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.floatmath import expf
from edgeprune.ops.floats import FLOAT_MAX, float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.ops.softmax.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import SoftmaxOptions


@dataclass(frozen=True)
class Params:
    rows: int
    depth: int
    beta: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x = float_tensor(operands, operands.input(0))
    operands.same_shape(x, float_tensor(operands, operands.output()))
    if not x.shape:
        raise operands.error("the input has no dimensions")
    beta = operands.options(SoftmaxOptions).beta
    if not isfinite(beta):
        raise operands.error(f"beta is {beta}")
    return Params(prod(x.shape[:-1]), x.shape[-1], beta)


def rows_are_not_empty(p: Params) -> bool:
    """The input must not be empty."""
    return p.rows >= 1 and p.depth >= 1


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row: exponentials, their sum, the quotients."""
    assert inputs[0] is not None
    rows = inputs[0].reshape(p.rows, p.depth).astype(np.float32)
    with np.errstate(all="ignore"):
        largest = rows.max(axis=1, keepdims=True, initial=np.float32(-FLOAT_MAX))
        exps = expf((rows - largest) * np.float32(p.beta))
        total = np.zeros((p.rows, 1), np.float32)
        for column in exps.T:
            total += column[:, np.newaxis]
        return [(exps / total).reshape(inputs[0].shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; the output holds the exponentials on the way."""
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("float", "beta", p.beta),
    )
    return KernelCall("ep_softmax_f32", fields, node.inputs, node.outputs, lags=((0, 0),))


SOFTMAX_F32 = Op(
    "SOFTMAX", read, (rows_are_not_empty,), reference, kernel, float_cases(cases), types=("float32",)
)
