"""What dense layers of every type read alike: rows of inputs and a matrix of weights."""

from dataclasses import dataclass

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor


@dataclass(frozen=True)
class Geometry:
    rows: int
    depth: int
    channels: int
    out_shape: tuple[int, ...]

    @property
    def macs(self) -> int:
        """One for each weight and row."""
        return self.rows * self.depth * self.channels

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct."""
        return tuple(Field("int32_t", name, getattr(self, name)) for name in ("rows", "depth", "channels"))


def read_geometry(operands: Operands, filters: Tensor) -> Geometry:
    """The geometry of a FULLY_CONNECTED: the input is rows of the filter's depth; raises ModelError."""
    if len(filters.shape) != 2 or 0 in filters.shape:
        raise operands.error(f"the filter has shape {list(filters.shape)}, it needs 2 dimensions")
    channels, depth = filters.shape
    source, result = operands.input(0), operands.output()
    rows = source.elements // depth
    if rows < 1 or rows * depth != source.elements:
        raise operands.error(f"{source.elements} inputs are no rows of {depth}, which the filter takes")
    if not result.shape or result.shape[-1] != channels or result.elements != rows * channels:
        raise operands.error(
            f"the output has shape {list(result.shape)}, {rows} rows of {channels} are computed"
        )
    return Geometry(rows, depth, channels, result.shape)
