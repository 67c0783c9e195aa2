"""What convolutions of every type read alike: the window, the channels and the groups."""

from dataclasses import dataclass

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window, read_window
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import ConvOptions


@dataclass(frozen=True)
class Geometry:
    window: Window
    in_channels: int
    out_channels: int
    group_channels: int

    @property
    def groups(self) -> int:
        return self.in_channels // self.group_channels

    @property
    def macs(self) -> int:
        """Padding counts, as it does in most published figures."""
        return self.window.positions * self.window.taps * self.group_channels * self.out_channels

    def channels_of(self, group: int) -> tuple[slice, slice]:
        """The input and the output channels of a group."""
        filters = self.out_channels // self.groups
        return (
            slice(group * self.group_channels, (group + 1) * self.group_channels),
            slice(group * filters, (group + 1) * filters),
        )

    def lags(self, item_bytes: int) -> tuple[tuple[int, int], ...]:
        """KernelCall.lags of the portable kernels, for elements of `item_bytes`."""
        pixels = self.in_channels * item_bytes, self.out_channels * item_bytes
        return ((0, window_lag(self.window, *pixels)),)

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct."""
        names = ("in_channels", "out_channels", "group_channels")
        return (*self.window.c_fields(), *(Field("int32_t", name, getattr(self, name)) for name in names))


def read_geometry(operands: Operands, filters: Tensor) -> Geometry:
    """The geometry of a CONV_2D whose operands have the right types; raises ModelError."""
    if len(filters.shape) != 4 or 0 in filters.shape:
        raise operands.error(f"the filter has shape {list(filters.shape)}, it needs 4 dimensions")
    channels, window_h, window_w, group_channels = filters.shape
    window = read_window(operands, operands.options(ConvOptions), window_h, window_w)
    in_channels, out_channels = operands.input(0).shape[3], operands.output().shape[3]
    if in_channels < 1 or in_channels % group_channels or channels % (in_channels // group_channels):
        raise operands.error(
            f"{in_channels} input channels do not make groups of {group_channels} "
            f"for {channels} output channels"
        )
    if out_channels != channels:
        raise operands.error(f"{channels} filters give {out_channels} output channels")
    return Geometry(window, in_channels, channels, group_channels)
