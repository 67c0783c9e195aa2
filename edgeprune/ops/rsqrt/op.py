"""RSQRT, int8 to int8: one over the square root of the distance above the zero point.

Differs: TFLM stops with an error at an input below its zero point; the kernel answers the largest
output, which is TFLM's for the zero point itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.gemmlowp import inverse_sqrt
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.ops.rsqrt.float32 import RSQRT_F32
from edgeprune.tflite.graph import Node, QuantGraph

EXTRA_BITS = 20


@dataclass(frozen=True)
class Params:
    elements: int
    in_zero_point: int
    out_zero_point: int
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; the factor's denominator is computed in float32."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    with np.errstate(over="ignore", under="ignore"):
        denominator = float(np.sqrt(np.float32(x.scale)) * np.float32(out.scale))
    if not 0.0 < denominator < float("inf"):
        raise operands.error(f"the scales {x.scale} and {out.scale} are too far apart")
    pair = quantize_multiplier(1.0 / denominator)
    return Params(x.elements, x.zero_point, out.zero_point, *pair)


def scales_are_near(p: Params) -> bool:
    """The root of the input's scale times the output's scale must be between 2^-50 and 2^11."""
    return p.multiplier != 0 and -31 <= p.shift - EXTRA_BITS <= MAX_SHIFT


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    outputs = []
    for value in INT8_VALUES.astype(np.int64) - p.in_zero_point:
        multiplier, shift = inverse_sqrt(int(value))
        root = multiply_by_quantized_multiplier(1, multiplier, shift + EXTRA_BITS)
        scaled = int(multiply_by_quantized_multiplier(root, p.multiplier, p.shift - EXTRA_BITS))
        outputs.append(scaled + p.out_zero_point if value > 0 else 127)
    return int8_table(outputs)


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Zero points of the input at the low end, where TFLM computes every input."""
    for name, x, out in (
        ("middle", (0.1, -128), (0.02, -128)),
        ("ordinary", (0.02, -128), (0.05, -20)),
        ("output_fine", (0.3, -128), (1e-3, 0)),
        ("output_coarse", (0.1, -128), (1.0, 127)),
        ("tiny", (1e-9, -128), (200.0, 0)),
        ("huge", (1e6, -128), (1e-5, 0)),
    ):
        x_tensor, out_tensor = activation((1, 6, 43), *x), activation((1, 6, 43), *out)
        yield Case(name, one_op("RSQRT", [x_tensor], out_tensor))


RSQRT = Op(
    "RSQRT",
    read,
    (scales_are_near,),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(RSQRT_F32,),
)
