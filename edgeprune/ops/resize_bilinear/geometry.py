"""What RESIZE_BILINEAR reads alike for every type: sizes, and the tables of its kernels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.tflite.options import ResizeBilinearOptions

MAX_EXTENT = 65535


@dataclass(frozen=True)
class Resize:
    shape: Shape
    out_shape: Shape
    size: tuple[int, ...]
    options: ResizeBilinearOptions


@dataclass(frozen=True, eq=False)
class Places:
    """For each index of the output along one axis: its two neighbours, and the weight of the second."""

    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64] | npt.NDArray[np.float32]

    def are_inside(self, extent: int) -> bool:
        """Whether all neighbours are among `extent`."""
        return int(self.lower.max()) < extent and int(self.upper.max()) < extent


def read_resize(operands: Operands, dtype: str) -> Resize:
    """The sizes of a node whose tensors must be of `dtype`."""
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, (dtype,))
    return Resize(x.shape, out.shape, operands.integers(1), operands.options(ResizeBilinearOptions))


def size_is_the_output(r: Resize) -> bool:
    """The input must be 4-D and not empty, and only height and width may change, to at most 65535."""
    if len(r.shape) != 4 or len(r.size) != 2 or 0 in r.shape or max(r.shape) > MAX_EXTENT:
        return False
    return r.out_shape == (r.shape[0], *r.size, r.shape[3]) and all(1 <= s <= MAX_EXTENT for s in r.size)


def modes_exclude_each_other(r: Resize) -> bool:
    """align_corners and half_pixel_centers must not both be set."""
    return not (r.options.align_corners and r.options.half_pixel_centers)


def fields_of(r: Resize, rows: Places, columns: Places, weight_ctype: str) -> tuple[Field, ...]:
    """The fields of the kernels' params."""
    batches, in_h, in_w, channels = r.shape
    dtype = np.float32 if weight_ctype == "float" else np.int16
    fields = [
        Field("int32_t", "batches", batches),
        Field("int32_t", "in_h", in_h),
        Field("int32_t", "in_w", in_w),
        Field("int32_t", "out_h", r.out_shape[1]),
        Field("int32_t", "out_w", r.out_shape[2]),
        Field("int32_t", "channels", channels),
    ]
    for name, places in (("rows", rows), ("columns", columns)):
        fields.append(Field("uint16_t", f"lower_{name}", Constant(places.lower.astype(np.uint16))))
        fields.append(Field("uint16_t", f"upper_{name}", Constant(places.upper.astype(np.uint16))))
        fields.append(Field(weight_ctype, f"{name}_weight", Constant(places.weight.astype(dtype))))
    return tuple(fields)
