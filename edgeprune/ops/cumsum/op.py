"""CUMSUM along a constant axis, int8: inputs with 20 more bits are added up and rescaled.

TFLM starts each sum at the zero point's place rather than at 0, so every output is off by the zero point
times the scale. Sums that leave 32 bits wrap, as TFLM's compiled code does. ADD_N rescales alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.cumsum.cases import cases
from edgeprune.ops.cumsum.float32 import CUMSUM_F32
from edgeprune.ops.cumsum.geometry import Line, read_line
from edgeprune.ops.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    wrap_int32,
)
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph, Tensor

EXTRA_BITS = 20


@dataclass(frozen=True)
class Scaling:
    """How int8 inputs of one scale are added up: with EXTRA_BITS more bits and half their scale."""

    in_zero_point: int
    zero_point: int
    factor: float
    multiplier: int
    shift: int

    @property
    def is_in_range(self) -> bool:
        """Whether TFLM takes the factor from sums to outputs."""
        return 0.0 < self.factor < 1.0 and self.shift <= 0

    def widened(self, values: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Inputs less their zero point, as they are added."""
        wide = np.asarray(values, np.int64) << EXTRA_BITS
        return multiply_by_quantized_multiplier(wide, *quantize_multiplier(0.5))

    def outputs(self, sums: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Sums, of any length, to outputs."""
        return requantize(wrap_int32(sums), self.multiplier, self.shift, self.zero_point, -128, 127)

    def c_fields(self) -> tuple[Field, ...]:
        """The last fields of a kernel's params struct."""
        names = ("in_zero_point", "zero_point", "multiplier", "shift")
        return tuple(Field("int32_t", name, getattr(self, name)) for name in names)


def scaling_of(x: Tensor, out: Tensor) -> Scaling:
    """The scaling of sums of tensors like `x`."""
    factor = 2.0 * x.scale / (2.0**EXTRA_BITS * out.scale)
    return Scaling(x.zero_point, out.zero_point, factor, *quantize_multiplier(factor))


@dataclass(frozen=True)
class Params:
    line: Line
    scaling: Scaling


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    line = read_line(operands, "int8")
    x, out = operands.int8(operands.input(0)), operands.int8(operands.output())
    return Params(line, scaling_of(x, out))


def output_scale_is_not_tiny(p: Params) -> bool:
    """The output's scale must be larger than 2^-19 times the input's."""
    return p.scaling.is_in_range


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sums so far."""
    x = p.line.lines(np.asarray(inputs[0], np.int64))
    parts = p.scaling.widened(x - p.scaling.in_zero_point).astype(np.int64)
    sums = int(p.scaling.widened(-p.scaling.in_zero_point)) + np.cumsum(parts, axis=1)
    return [p.line.whole(p.scaling.outputs(sums - parts if p.line.options.exclusive else sums))]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = (*p.line.c_fields(), *p.scaling.c_fields())
    return KernelCall("ep_cumsum_s8", fields, node.inputs[:1], node.outputs)


CUMSUM = Op(
    "CUMSUM",
    read,
    (output_scale_is_not_tiny,),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(CUMSUM_F32,),
)
