"""ABS, int8 to int8: the distance from the zero point, rescaled where the scales differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.abs.float32 import ABS_F32
from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Node, QuantGraph


@dataclass(frozen=True)
class Params:
    """Equal scales are not rescaled: a multiplier is half of one, so it could round otherwise."""

    elements: int
    in_zero_point: int
    out_zero_point: int
    is_rescaled: bool
    multiplier: int
    shift: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; the factor is divided in float32."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    with np.errstate(over="ignore"):
        factor = float(np.float32(x.scale) / np.float32(out.scale))
    if not np.isfinite(factor):
        raise operands.error(f"the scales {x.scale} and {out.scale} are too far apart")
    pair = quantize_multiplier(factor)
    return Params(x.elements, x.zero_point, out.zero_point, x.scale != out.scale, *pair)


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    sizes = np.abs(INT8_VALUES.astype(np.int64) - p.in_zero_point)
    if p.is_rescaled:
        sizes = multiply_by_quantized_multiplier(sizes, p.multiplier, p.shift).astype(np.int64)
    return int8_table(sizes + p.out_zero_point)


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Equal and different scales, zero points at both ends."""
    for name, x, out in (
        ("same_scale", (0.1, 3), (0.1, -20)),
        ("zero_points_low", (0.1, -128), (0.09, -128)),
        ("zero_points_high", (0.1, 127), (0.2, 127)),
        ("output_fine", (0.3, 5), (1e-5, 0)),
        ("output_coarse", (0.1, 5), (7.0, 0)),
        ("ties", (0.21748022735, 0), (0.43496045470, 0)),
    ):
        x_tensor, out_tensor = activation((1, 6, 43), *x), activation((1, 6, 43), *out)
        yield Case(name, one_op("ABS", [x_tensor], out_tensor))


ABS = Op(
    "ABS", read, (scales_are_near,), reference_of(table), kernel, cases, types=("int8",), others=(ABS_F32,)
)
