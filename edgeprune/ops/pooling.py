"""What poolings of every type read alike: the window and the channels."""

from dataclasses import dataclass

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.options import PoolOptions


@dataclass(frozen=True)
class Geometry:
    window: Window
    channels: int

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct."""
        fields = self.window.c_fields("dilation_h", "dilation_w")
        return (*fields, Field("int32_t", "channels", self.channels))

    def lags(self, item_bytes: int) -> tuple[tuple[int, int], ...]:
        """KernelCall.lags of the portable kernels, for elements of `item_bytes`."""
        pixel_bytes = self.channels * item_bytes
        return ((0, window_lag(self.window, pixel_bytes, pixel_bytes)),)


def read_geometry(operands: Operands) -> Geometry:
    """The geometry of a pooling whose operands have the right types; raises ModelError."""
    options = operands.options(PoolOptions)
    window = read_window(operands, options, options.window_h, options.window_w)
    source, result = operands.input(0), operands.output()
    if source.shape[3] != result.shape[3]:
        raise operands.error(f"{source.shape[3]} channels go in, {result.shape[3]} come out")
    return Geometry(window, source.shape[3])


def scales_are_kept(operands: Operands) -> None:
    """Raise ModelError unless input and output have the same scale, within 1e-6, as TFLM compares them."""
    source, result = operands.input(0), operands.output()
    if abs(result.scale - source.scale) > 1e-6:
        raise operands.error(f"{result.name!r} has scale {result.scale}, the input {source.scale}")
