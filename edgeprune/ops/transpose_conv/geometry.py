"""What TRANSPOSE_CONV reads alike for every type: sizes, channels and padding.

The output's size comes from the output tensor: TFLM does not read the first input, nor does it compare
the input's size with what a convolution of the output would give.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field
from edgeprune.ops.fixedpoint import window_output, window_padding
from edgeprune.ops.operands import Operands
from edgeprune.ops.window import MAX_EXTENT, MAX_PADDED, MAX_STEPS, MAX_TAPS
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import TransposeConvOptions

SIZE, FILTER, DATA, BIAS = 0, 1, 2, 3
"""Positions among the inputs."""


@dataclass(frozen=True)
class Geometry:
    """Input pixel (y, x) adds to outputs from (y * stride_h - pad_top, x * stride_w - pad_left) on."""

    in_h: int
    in_w: int
    out_h: int
    out_w: int
    window_h: int
    window_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    in_channels: int
    out_channels: int

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns that the input adds to, the padding and all outputs included."""
        return (
            max((self.in_h - 1) * self.stride_h + self.window_h, self.pad_top + self.out_h),
            max((self.in_w - 1) * self.stride_w + self.window_w, self.pad_left + self.out_w),
        )

    @property
    def macs(self) -> int:
        """What falls outside of the output counts, as padding does in convolutions."""
        taps = self.window_h * self.window_w
        return self.in_h * self.in_w * taps * self.in_channels * self.out_channels

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct, in the order above."""
        return tuple(Field("int32_t", name, value) for name, value in vars(self).items())

    def rows_of(self, row: int, column: int) -> tuple[slice, slice]:
        """Where, among all that the input reaches, tap (row, column) of every input pixel adds to."""
        return (
            slice(row, row + (self.in_h - 1) * self.stride_h + 1, self.stride_h),
            slice(column, column + (self.in_w - 1) * self.stride_w + 1, self.stride_w),
        )

    def cut(self, reached: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The output's part of what the input reaches."""
        rows = slice(self.pad_top, self.pad_top + self.out_h)
        return reached[rows, self.pad_left : self.pad_left + self.out_w]


def read_geometry(operands: Operands, filters: Tensor) -> Geometry:
    """The geometry of a node whose operands have the right types; raises ModelError."""
    options = operands.options(TransposeConvOptions)
    data, result = _image(operands, operands.input(DATA)), _image(operands, operands.output())
    if len(filters.shape) != 4 or 0 in filters.shape:
        raise operands.error(f"the filter has shape {list(filters.shape)}, it needs 4 dimensions")
    out_channels, window_h, window_w, in_channels = filters.shape
    if (in_channels, out_channels) != (data[2], result[2]):
        raise operands.error(
            f"the filter is for {in_channels} input and {out_channels} output channels, "
            f"the images have {data[2]} and {result[2]}"
        )
    extents = (window_h, window_w, options.stride_h, options.stride_w)
    if not all(1 <= extent <= MAX_EXTENT for extent in (*extents, *data[:2], *result[:2])):
        raise operands.error(f"windows, strides and images must be 1 to {MAX_EXTENT} high and wide")
    pads = [
        window_padding(window_output(options.padding, out, window, stride), out, window, stride)
        for out, window, stride in zip(result, extents[:2], extents[2:], strict=False)
    ]
    geometry = Geometry(*data[:2], *result[:2], *extents, pads[0], pads[1], in_channels, out_channels)
    _check_work(operands, geometry)
    return geometry


def _image(operands: Operands, tensor: Tensor) -> tuple[int, int, int]:
    if len(tensor.shape) != 4 or tensor.shape[0] != 1:
        raise operands.error(
            f"{tensor.name!r} has shape {list(tensor.shape)}, an image is [1, height, width, channels]",
            hint="convert the model with batch size 1",
        )
    return tensor.shape[1], tensor.shape[2], tensor.shape[3]


def _check_work(operands: Operands, geometry: Geometry) -> None:
    """Refuse what would take the references gigabytes or hours, however small the file is."""
    rows, columns = geometry.reach
    for what, count, most in (
        ("the window has {} elements", geometry.window_h * geometry.window_w, MAX_TAPS),
        ("the input reaches {} elements", rows * columns * geometry.out_channels, MAX_PADDED),
        ("there are {} multiplications", geometry.macs, MAX_STEPS),
    ):
        if count > most:
            raise operands.error(
                f"{what.format(count)}, at most {most} are supported",
                hint="make the window, its stride or the image smaller",
            )


def filter_rows(filters: Tensor) -> npt.NDArray[np.int64]:
    """The weights of each output channel, (channels, weights of each)."""
    return filters.array().reshape(filters.shape[0], -1).astype(np.int64)
