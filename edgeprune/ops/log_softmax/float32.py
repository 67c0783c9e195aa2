"""LOG_SOFTMAX over the last dimension, float32: the sum of a row is added up in order, in float32."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.floatmath import expf, logf
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    rows: int
    depth: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x = float_tensor(operands, operands.input(0))
    operands.same_shape(x, float_tensor(operands, operands.output()))
    if not x.shape:
        raise operands.error("the input has no dimensions")
    return Params(prod(x.shape[:-1]), x.shape[-1])


def rows_are_not_empty(p: Params) -> bool:
    """The input must not be empty."""
    return p.rows >= 1 and p.depth >= 1


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row."""
    x = inputs[0]
    assert x is not None
    rows = x.reshape(p.rows, p.depth).astype(np.float32)
    shifted = rows - rows.max(axis=1, keepdims=True)
    total = np.zeros((p.rows, 1), np.float32)
    for column in expf(shifted).T:
        total += column[:, np.newaxis]
    return [(shifted - logf(total)).reshape(x.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; it writes a row while it reads it for the last time."""
    fields = (Field("int32_t", "rows", p.rows), Field("int32_t", "depth", p.depth))
    return KernelCall("ep_log_softmax_f32", fields, node.inputs, node.outputs, lags=((0, 0),))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Rows of 1 to 500, every rank."""
    for name, shape in (
        ("ten_classes", (1, 10)),
        ("one_class", (1, 3, 1)),
        ("two_classes", (1, 2)),
        ("vector", (7,)),
        ("image", (1, 3, 4, 5)),
        ("rank_5", (1, 2, 2, 2, 6)),
        ("many", (1, 500)),
        ("many_rows", (1, 300, 3)),
    ):
        x, out = activation(shape, dtype="float32"), activation(shape, dtype="float32")
        yield Case(name, one_op("LOG_SOFTMAX", [x], out))


LOG_SOFTMAX_F32 = Op("LOG_SOFTMAX", read, (rows_are_not_empty,), reference, kernel, cases, types=("float32",))
