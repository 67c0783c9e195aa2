"""What CUMSUM reads alike for every type: the lines along which it adds."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy.typing as npt

from edgeprune.ops.base import Field
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.tflite.options import CumsumOptions


@dataclass(frozen=True)
class Line:
    """`before` and `after` are the products of the dimensions before and after the axis."""

    shape: Shape
    axis: int
    options: CumsumOptions

    @property
    def before(self) -> int:
        return prod(self.shape[: self.axis])

    @property
    def after(self) -> int:
        return prod(self.shape[self.axis + 1 :])

    def lines(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`x` as (before, extent, after), to be added in order of the second."""
        lines = x.reshape(self.before, -1, self.after)
        return lines[:, ::-1] if self.options.reverse else lines

    def whole(self, lines: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The opposite of `lines`."""
        return (lines[:, ::-1] if self.options.reverse else lines).reshape(self.shape)

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct."""
        return (
            Field("int32_t", "before", self.before),
            Field("int32_t", "extent", self.shape[self.axis]),
            Field("int32_t", "after", self.after),
            Field("int32_t", "exclusive", int(self.options.exclusive)),
            Field("int32_t", "reverse", int(self.options.reverse)),
        )


def read_line(operands: Operands, dtype: str) -> Line:
    """The lines of a node whose tensors must be of `dtype`."""
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, (dtype,))
    operands.same_shape(x, out)
    axes = operands.integers(1)
    if len(axes) != 1:
        raise operands.error(f"has {len(axes)} axes, must have one")
    return Line(x.shape, operands.axis(axes[0], len(x.shape)), operands.options(CumsumOptions))
