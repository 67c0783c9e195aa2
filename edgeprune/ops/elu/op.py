"""ELU, int8 to int8: TFLM fills a table in float32, with exp(x) - 1 for negative x, so we do."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.elu.float32 import ELU_F32
from edgeprune.ops.floatmath import Floats, expf
from edgeprune.ops.lookup.table import INT8_VALUES, int8_table, lookup_call, reference_of
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    in_scale: float
    in_zero_point: int
    out_scale: float
    out_zero_point: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    operands.same_shape(x, out)
    return Params(x.elements, x.scale, x.zero_point, out.scale, out.zero_point)


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^22 times the output's, and the output's at least 2^-22."""
    return p.in_scale < p.out_scale * 2.0**22 and p.out_scale >= 2.0**-22


def rounded(x: Floats) -> Floats:
    """To nearest, halves away from zero."""
    whole = np.trunc(x)
    return (whole + np.where(np.abs(x - whole) >= 0.5, np.copysign(1, x), 0)).astype(np.float32)


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    centred = (INT8_VALUES.astype(np.int64) - p.in_zero_point).astype(np.float32)
    x = np.float32(p.in_scale) * centred
    y = np.where(x < 0, expf(x) - np.float32(1.0), x).astype(np.float32)
    units = rounded(y * (np.float32(1.0) / np.float32(p.out_scale)))
    return int8_table(np.trunc(units + np.float32(p.out_zero_point)))


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Curved, flat and steep parts of the function; zero points at both ends."""
    for name, x, out in (
        ("usual", (0.05, 3), (0.03, -90)),
        ("zero_points_low", (0.1, -128), (0.1, -128)),
        ("zero_points_high", (0.01, 127), (0.01, 127)),
        ("all_steep", (0.2, 120), (1 / 128, 127)),
        ("flat", (1e-3, 0), (1e-3, 0)),
        ("coarse", (1.0, 0), (9.0, 0)),
        ("fine", (0.1, 0), (1e-5, 0)),
    ):
        x_tensor, out_tensor = activation((1, 6, 43), *x), activation((1, 6, 43), *out)
        yield Case(name, one_op("ELU", [x_tensor], out_tensor))


ELU = Op(
    "ELU", read, (scales_are_near,), reference_of(table), kernel, cases, types=("int8",), others=(ELU_F32,)
)
