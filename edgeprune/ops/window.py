"""The geometry of operators that slide a window over an image: convolutions and pooling."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field
from edgeprune.ops.fixedpoint import window_output, window_padding
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import ConvOptions, DepthwiseConvOptions, PoolOptions

Number = TypeVar("Number", np.int64, np.float32)

MAX_EXTENT = 32767
"""Of windows, strides and dilations: their products then fit 32 bits."""
MAX_TAPS = 65536
MAX_PADDED = 1 << 26
"""Elements of an image with its padding: the references hold it in 64-bit numbers."""
MAX_STEPS = 1 << 34
"""Taps of all outputs: minutes on this computer, and more on a microcontroller."""


@dataclass(frozen=True)
class Window:
    """Extents in elements; padding after the last element is what the output's extent implies."""

    in_h: int
    in_w: int
    out_h: int
    out_w: int
    window_h: int
    window_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad_top: int
    pad_left: int

    @property
    def taps(self) -> int:
        return self.window_h * self.window_w

    @property
    def positions(self) -> int:
        return self.out_h * self.out_w

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns that the windows span, the padding before the image included."""
        return (
            self._reach(self.out_h, self.stride_h, self.window_h, self.dilation_h),
            self._reach(self.out_w, self.stride_w, self.window_w, self.dilation_w),
        )

    def c_fields(self, *without: str) -> tuple[Field, ...]:
        """The fields of a kernel's params struct, in the order above."""
        names = [field.name for field in fields(self) if field.name not in without]
        return tuple(Field("int32_t", name, getattr(self, name)) for name in names)

    def padded(self, image: npt.NDArray[Number], fill: float) -> npt.NDArray[Number]:
        """`image` (in_h, in_w, channels) with `fill` around it, as far as the windows reach."""
        bottom, right = self.reach
        rows = (self.pad_top, max(0, bottom - self.pad_top - self.in_h))
        columns = (self.pad_left, max(0, right - self.pad_left - self.in_w))
        return np.pad(image, (rows, columns, (0, 0)), constant_values=fill)

    def views(self, padded: npt.NDArray[Number]) -> Iterator[tuple[int, int, npt.NDArray[Number]]]:
        """For each tap (row, column): what it sees at every position, (out_h, out_w, channels)."""
        for row in range(self.window_h):
            for column in range(self.window_w):
                top, left = row * self.dilation_h, column * self.dilation_w
                rows = slice(top, top + (self.out_h - 1) * self.stride_h + 1, self.stride_h)
                columns = slice(left, left + (self.out_w - 1) * self.stride_w + 1, self.stride_w)
                yield row, column, padded[rows, columns]

    @staticmethod
    def _reach(out: int, stride: int, window: int, dilation: int) -> int:
        return (out - 1) * stride + (window - 1) * dilation + 1


def read_window(
    operands: Operands,
    options: ConvOptions | DepthwiseConvOptions | PoolOptions,
    window_h: int,
    window_w: int,
) -> Window:
    """The geometry of a node, held against the shapes of its tensors; raises ModelError."""
    dilation_h = 1 if isinstance(options, PoolOptions) else options.dilation_h
    dilation_w = 1 if isinstance(options, PoolOptions) else options.dilation_w
    extents = (window_h, window_w, options.stride_h, options.stride_w, dilation_h, dilation_w)
    if not all(1 <= extent <= MAX_EXTENT for extent in extents):
        raise operands.error(
            f"window {window_h} x {window_w}, stride {options.stride_h} x {options.stride_w}, "
            f"dilation {dilation_h} x {dilation_w}: each must be 1 to {MAX_EXTENT}"
        )
    in_h, in_w = _image(operands, operands.input(0))
    stated = _image(operands, operands.output())
    out_h = window_output(options.padding, in_h, window_h, options.stride_h, dilation_h)
    out_w = window_output(options.padding, in_w, window_w, options.stride_w, dilation_w)
    if (out_h, out_w) != stated:
        raise operands.error(f"the output is {stated[0]} x {stated[1]}, the window gives {out_h} x {out_w}")
    window = Window(
        in_h, in_w, out_h, out_w, window_h, window_w,
        options.stride_h, options.stride_w, dilation_h, dilation_w,
        pad_top=window_padding(out_h, in_h, window_h, options.stride_h, dilation_h),
        pad_left=window_padding(out_w, in_w, window_w, options.stride_w, dilation_w),
    )  # fmt: skip
    _check_work(operands, window)
    return window


def _check_work(operands: Operands, window: Window) -> None:
    """Refuse windows that would take the references gigabytes or hours, however small the file is."""
    rows = max(window.reach[0], window.pad_top + window.in_h)
    columns = max(window.reach[1], window.pad_left + window.in_w)
    for what, count, most in (
        ("the window has {} elements", window.taps, MAX_TAPS),
        ("the padded image has {} elements", rows * columns * operands.input(0).shape[3], MAX_PADDED),
        ("the windows see {} elements in all", window.taps * operands.output().elements, MAX_STEPS),
    ):
        if count > most:
            raise operands.error(
                f"{what.format(count)}, at most {most} are supported",
                hint="make the window, its dilation or the image smaller",
            )


def _image(operands: Operands, tensor: Tensor) -> tuple[int, int]:
    if len(tensor.shape) != 4 or tensor.shape[0] != 1:
        raise operands.error(
            f"{tensor.name!r} has shape {list(tensor.shape)}, an image is [1, height, width, channels]",
            hint="convert the model with batch size 1",
        )
    return tensor.shape[1], tensor.shape[2]
