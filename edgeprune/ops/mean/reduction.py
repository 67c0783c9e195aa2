"""What MEAN of every type reads alike: which axes go, and the loops over what stays and what goes."""

from dataclasses import dataclass
from math import prod

from edgeprune.ops.base import Field
from edgeprune.ops.loops import MAX_RANK, Shape, contiguous_strides, loop_nest
from edgeprune.ops.operands import Operands
from edgeprune.tflite.options import ReducerOptions


@dataclass(frozen=True)
class Reduction:
    """`axes` are sorted, not negative, without repetition."""

    shape: Shape
    out_shape: Shape
    axes: tuple[int, ...]
    keep_dims: bool

    @property
    def count(self) -> int:
        """Elements of one mean."""
        return prod(self.shape[axis] for axis in self.axes)

    @property
    def is_supported(self) -> bool:
        """Whether the output's shape is that of the means, not empty, within the loops that kernels have."""
        kept = enumerate(self.shape)
        if self.keep_dims:
            expected = tuple(1 if d in self.axes else extent for d, extent in kept)
        else:
            expected = tuple(extent for d, extent in kept if d not in self.axes)
        return self.out_shape == expected and len(self.shape) <= MAX_RANK and 0 not in self.shape

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct; strides and steps in elements."""
        strides = contiguous_strides(self.shape)
        kept = [d for d in range(len(self.shape)) if d not in self.axes]
        fields: list[Field] = []
        for prefix, dimensions in (("kept", kept), ("sum", list(self.axes))):
            nest = loop_nest(tuple(self.shape[d] for d in dimensions), [strides[d] for d in dimensions])
            fields += [
                Field("int32_t", f"{prefix}_extents", nest.extents),
                Field("int32_t", f"{prefix}_strides", nest.strides[0]),
                Field("int32_t", f"{prefix}_count", nest.count),
                Field("int32_t", f"{prefix}_step", nest.steps[0]),
            ]
        return tuple(fields)


def read_reduction(operands: Operands) -> Reduction:
    """The reduction of a node whose operands have the right types; raises ModelError."""
    x, axes = operands.input(0), operands.integers(1)
    rank = len(x.shape)
    positive = tuple(sorted({operands.axis(axis, rank) for axis in axes}))
    keep_dims = operands.options(ReducerOptions).keep_dims
    return Reduction(x.shape, operands.output().shape, positive, keep_dims)


def mean_multiplier(multiplier: int, shift: int, count: int) -> tuple[int, int]:
    """The multiplier and shift that also divide by `count` > 0."""
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits
