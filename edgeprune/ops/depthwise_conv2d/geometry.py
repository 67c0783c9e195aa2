"""What depthwise convolutions of every type read alike: the window and the channels."""

from dataclasses import dataclass

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import DepthwiseConvOptions


@dataclass(frozen=True)
class Geometry:
    window: Window
    in_channels: int
    multiplier: int

    @property
    def out_channels(self) -> int:
        return self.in_channels * self.multiplier

    @property
    def macs(self) -> int:
        """Padding counts, as it does in most published figures."""
        return self.window.positions * self.window.taps * self.out_channels

    def lags(self, item_bytes: int) -> tuple[tuple[int, int], ...]:
        """KernelCall.lags of the portable kernels, for elements of `item_bytes`."""
        pixels = self.in_channels * item_bytes, self.out_channels * item_bytes
        return ((0, window_lag(self.window, *pixels)),)

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct."""
        return (
            *self.window.c_fields(),
            Field("int32_t", "in_channels", self.in_channels),
            Field("int32_t", "depth_multiplier", self.multiplier),
        )


def read_geometry(operands: Operands, filters: Tensor) -> Geometry:
    """The geometry of a DEPTHWISE_CONV_2D whose operands have the right types; raises ModelError."""
    if len(filters.shape) != 4 or filters.shape[0] != 1:
        raise operands.error(f"the filter has shape {list(filters.shape)}, not [1, height, width, channels]")
    _, window_h, window_w, channels = filters.shape
    options = operands.options(DepthwiseConvOptions)
    window = read_window(operands, options, window_h, window_w)
    in_channels, out_channels = operands.input(0).shape[3], operands.output().shape[3]
    if channels < 1 or not channels == out_channels == in_channels * options.depth_multiplier:
        raise operands.error(
            f"{in_channels} channels times {options.depth_multiplier} must be the filter's {channels} "
            f"and the output's {out_channels}"
        )
    return Geometry(window, in_channels, options.depth_multiplier)
