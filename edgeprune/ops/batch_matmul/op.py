"""BATCH_MATMUL, int8: products of matrices, computed or constant; the dimensions before broadcast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.batch_matmul.cases import cases
from edgeprune.ops.batch_matmul.float32 import BATCH_MATMUL_F32
from edgeprune.ops.batch_matmul.geometry import Matrices, read_matrices
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multiplier, requantize
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

LARGEST_PRODUCT = 255 * 255


@dataclass(frozen=True)
class Params:
    matrices: Matrices
    zero_point_a: int
    zero_point_b: int
    zero_point: int
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    matrices = read_matrices(operands, "int8")
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.int8(operands.output())
    multiplier, shift = quantize_multiplier(a.scale * b.scale / out.scale)
    return Params(matrices, a.zero_point, b.zero_point, out.zero_point, multiplier, shift)


def sums_fit(p: Params) -> bool:
    """The sums, of at most 33025 products, must stay within 32 bits."""
    return p.matrices.depth * LARGEST_PRODUCT < 1 << 31


def multiplier_is_small(p: Params) -> bool:
    """The product of the inputs' scales must be less than 2^30 output scales."""
    return p.shift <= MAX_SHIFT


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The products, in double precision, exact below 2^53."""
    a = np.asarray(inputs[0]).astype(np.float64) - p.zero_point_a
    b = np.asarray(inputs[1]).astype(np.float64) - p.zero_point_b
    a = a.swapaxes(-1, -2) if p.matrices.options.adj_x else a
    b = b.swapaxes(-1, -2) if p.matrices.options.adj_y else b
    sums = np.matmul(a, b).astype(np.int64)
    return [requantize(sums, p.multiplier, p.shift, p.zero_point, -128, 127)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    names = ("zero_point_a", "zero_point_b", "zero_point", "multiplier", "shift")
    scalars = [Field("int32_t", name, getattr(p, name)) for name in names]
    return KernelCall("ep_batch_matmul_s8", (*p.matrices.c_fields(), *scalars), node.inputs, node.outputs)


BATCH_MATMUL = Op(
    "BATCH_MATMUL",
    read,
    (sums_fit, multiplier_is_small),
    reference,
    kernel,
    cases,
    lambda p: p.matrices.macs,
    types=("int8",),
    others=(BATCH_MATMUL_F32,),
)
