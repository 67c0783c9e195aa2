"""BATCH_MATMUL in float32: products are summed in the order of the depth, as TFLM does."""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.batch_matmul.cases import SCALES_ONLY, cases
from edgeprune.ops.batch_matmul.geometry import Matrices, read_matrices
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Matrices:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    matrices = read_matrices(operands, "float32")
    for position in (0, 1):
        float_tensor(operands, operands.input(position))
    return matrices


def reference(p: Matrices, inputs: Sequence[Array | None]) -> list[Array]:
    """The sums, one product after the other."""
    a, b = np.asarray(inputs[0], np.float32), np.asarray(inputs[1], np.float32)
    a = a.swapaxes(-1, -2) if p.options.adj_x else a
    b = b.swapaxes(-1, -2) if p.options.adj_y else b
    total = np.zeros((*p.batches, p.rows, p.columns), np.float32)
    with np.errstate(all="ignore"):
        for k in range(p.depth):
            total += a[..., :, k, np.newaxis] * b[..., np.newaxis, k, :]
    return [total]


def kernel(p: Matrices, node: Node) -> KernelCall:
    """The portable kernel."""
    return KernelCall("ep_batch_matmul_f32", p.c_fields(), node.inputs, node.outputs)


BATCH_MATMUL_F32 = Op(
    "BATCH_MATMUL",
    read,
    (),
    reference,
    kernel,
    float_cases(cases, SCALES_ONLY),
    lambda p: p.macs,
    types=("float32",),
)
