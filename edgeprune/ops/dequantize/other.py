"""DEQUANTIZE of types other than int8: one float32 multiplication, exact but for its rounding.

TFLM multiplies in double and rounds to float32; the product of a float32 scale and 17 bits is exact there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import dtype_range
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import elementwise_lag
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    dtype: str
    elements: int
    scale: float
    zero_point: int


def dequantize_from(dtype: str, kernel: str) -> Op[Params]:
    """DEQUANTIZE from `dtype`; `kernel` is the C that does it."""
    low, high = dtype_range(dtype)

    def read(graph: QuantGraph, node: Node) -> Params:
        operands = Operands(graph, node)
        operands.count(1, 1)
        x, out = operands.one_scale(operands.input(0)), operands.output()
        operands.same_shape(x, out)
        if x.dtype != dtype or out.dtype != "float32":
            raise operands.error(f"{x.dtype} to {out.dtype} is not supported")
        return Params(dtype, x.elements, x.scale, x.zero_point)

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        assert inputs[0] is not None
        with np.errstate(over="ignore"):
            wide = p.scale * (inputs[0].astype(np.float64) - p.zero_point)
            return [np.asarray(wide).astype(np.float32)]

    def call(p: Params, node: Node) -> KernelCall:
        fields = (
            Field("int32_t", "count", p.elements),
            Field("float", "scale", p.scale),
            Field("int32_t", "zero_point", p.zero_point),
        )
        lags = ((0, elementwise_lag(p.elements, DTYPES[p.dtype].itemsize, 4)),)
        return KernelCall(kernel, fields, node.inputs, node.outputs, lags=lags)

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for name, shape, scale, zero_point in (
            ("usual", (1, 7, 8, 5), 0.0371, 3),
            ("zero_point_low", (300,), 1 / 3, low),
            ("zero_point_high", (1, 300), 1 / 7, high),
            ("subnormal", (1, 300), 1.3e-40, 0),
            ("huge", (1, 300), 1.1e36, 0),
        ):
            x, out = activation(shape, scale, zero_point, dtype), activation(shape, dtype="float32")
            yield Case(name, one_op("DEQUANTIZE", [x], out))

    return Op("DEQUANTIZE", read, (), reference, call, cases, types=(dtype,))
