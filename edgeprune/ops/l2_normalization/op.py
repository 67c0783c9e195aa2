"""L2_NORMALIZATION over the last dimension, int8: integers over the root of the sum of their squares.

The input's scale cancels. The output's is 1/128, which TFLM takes for granted, so a rule refuses others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import requantize
from edgeprune.ops.gemmlowp import inverse_sqrt
from edgeprune.ops.l2_normalization.float32 import L2_NORMALIZATION_F32
from edgeprune.ops.l2_normalization.rows import OUTPUT, cases, read_rows
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

OUT_BITS = 7


@dataclass(frozen=True)
class Params:
    rows: int
    depth: int
    zero_point: int
    out_scale: float
    out_zero_point: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    shape = read_rows(operands)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    return Params(*shape, x.zero_point, out.scale, out.zero_point)


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 1/128 and its zero point 0."""
    return (p.out_scale, p.out_zero_point) == OUTPUT


def sum_fits_32_bits(p: Params) -> bool:
    """The last dimension must have 1 to 33025 elements."""
    return 1 <= p.depth <= 33025


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Row by row."""
    x = inputs[0]
    assert x is not None
    rows = x.reshape(p.rows, p.depth).astype(np.int64) - p.zero_point
    out = np.empty(rows.shape, np.int8)
    for row, result in zip(rows, out, strict=True):
        multiplier, shift = inverse_sqrt(int((row * row).sum()))
        result[:] = requantize(row, multiplier, shift + OUT_BITS, 0, -128, 127)
    return [out.reshape(x.shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (
        Field("int32_t", "rows", p.rows),
        Field("int32_t", "depth", p.depth),
        Field("int32_t", "zero_point", p.zero_point),
    )
    return KernelCall("ep_l2_normalization_s8", fields, node.inputs, node.outputs, lags=((0, 0),))


L2_NORMALIZATION = Op(
    "L2_NORMALIZATION",
    read,
    (output_scale_is_fixed, sum_fits_32_bits),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(L2_NORMALIZATION_F32,),
)
