"""DEQUANTIZE: int8 to float32.

TFLM multiplies in double and rounds to float32 once. The product of a float32 scale and a number of
nine bits is exact in double, so one float32 multiplication gives the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.dequantize.cases import cases
from edgeprune.ops.dequantize.int16 import DEQUANTIZE_S16
from edgeprune.ops.dequantize.uint8 import DEQUANTIZE_U8
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import elementwise_lag
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    scale: float
    zero_point: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.output()
    operands.same_shape(x, out)
    if out.dtype != "float32":
        raise operands.error(f"{out.name!r} is {out.dtype}, must be float32")
    return Params(x.elements, x.scale, x.zero_point)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The real values."""
    x = inputs[0]
    assert x is not None
    with np.errstate(over="ignore"):
        return [np.asarray(p.scale * (x.astype(np.float64) - p.zero_point)).astype(np.float32)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (
        Field("int32_t", "count", p.elements),
        Field("float", "scale", p.scale),
        Field("int32_t", "zero_point", p.zero_point),
    )
    lags = ((0, elementwise_lag(p.elements, out_bytes=4)),)
    return KernelCall("ep_dequantize_s8", fields, node.inputs, node.outputs, lags=lags)


DEQUANTIZE = Op(
    "DEQUANTIZE",
    read,
    (),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(DEQUANTIZE_S16, DEQUANTIZE_U8),
)
