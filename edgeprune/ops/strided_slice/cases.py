"""Networks of one STRIDED_SLICE."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.tflite.options import StridedSliceOptions


class Slice(NamedTuple):
    name: str
    shape: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]
    out_shape: tuple[int, ...]
    options: StridedSliceOptions = StridedSliceOptions()
    dtype: str = "int8"


SLICES = (
    Slice("vector", (9,), (2,), (7,), (1,), (5,)),
    Slice("everything", (1, 3, 4), (0, 0, 0), (1, 3, 4), (1, 1, 1), (1, 3, 4)),
    Slice("middle", (1, 6, 7, 3), (0, 1, 2, 0), (1, 5, 6, 3), (1, 1, 1, 1), (1, 4, 4, 3)),
    Slice("every_other", (1, 6, 7, 3), (0, 1, 0, 0), (1, 6, 7, 3), (1, 2, 3, 2), (1, 3, 3, 2)),
    Slice("from_the_end", (1, 5, 6), (0, -4, -3), (1, -1, -1), (1, 1, 1), (1, 3, 2)),
    Slice("backwards", (1, 5, 6), (0, -1, 4), (1, 0, -7), (1, -1, -2), (1, 4, 3)),
    Slice("far_outside", (1, 5, 6), (0, -90, 0), (1, 90, 90), (1, 1, 1), (1, 5, 6)),
    Slice("far_outside_backwards", (1, 5, 6), (0, 90, 90), (1, -90, -90), (1, -1, -1), (1, 5, 6)),
    Slice("stride_beyond_extent", (1, 5, 6), (0, 3, 0), (1, 5, 6), (1, 9, 100), (1, 1, 1)),
    Slice(
        "begin_mask", (1, 5, 6), (0, 3, 2), (1, 5, 6), (1, 1, 1), (1, 5, 4), StridedSliceOptions(begin_mask=2)
    ),
    Slice("end_mask", (1, 5, 6), (0, 3, 2), (1, 4, 3), (1, 1, 1), (1, 2, 1), StridedSliceOptions(end_mask=2)),
    Slice(
        "masks_backwards", (1, 5, 6), (0, 1, 1), (1, 3, 3), (1, -1, -2), (1, 5, 3), StridedSliceOptions(6, 6)
    ),
    Slice(
        "shrunk", (1, 5, 6), (0, 3, 2), (1, 4, 6), (1, 1, 1), (1, 4), StridedSliceOptions(shrink_axis_mask=2)
    ),
    Slice(
        "shrunk_last",
        (1, 5, 6),
        (0, 0, -1),
        (1, 5, 0),
        (1, 1, 1),
        (1, 5),
        StridedSliceOptions(shrink_axis_mask=4),
    ),
    Slice(
        "shrunk_all",
        (1, 5, 6),
        (0, 3, 2),
        (1, 0, 0),
        (1, 1, 1),
        (1,),
        StridedSliceOptions(shrink_axis_mask=6),
    ),
    Slice("shrunk_to_scalar", (6,), (2,), (0,), (1,), (), StridedSliceOptions(shrink_axis_mask=1)),
    Slice("int16", (1, 4, 5), (0, 1, 4), (1, 4, 0), (1, 2, -2), (1, 2, 2), dtype="int16"),
    Slice("int32", (1, 4, 5), (0, 1, 4), (1, 4, 0), (1, 2, -2), (1, 2, 2), dtype="int32"),
    Slice("float32", (1, 3, 4, 5), (0, 2, 0, 4), (1, 0, 4, 0), (1, -1, 2, -2), (1, 2, 2, 2), dtype="float32"),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every mask, both directions, indices outside, wider elements."""
    for case in SLICES:
        scale = 0.5 if case.dtype in ("int8", "int16") else None
        x = activation(case.shape, scale, dtype=case.dtype)
        out = activation(case.out_shape, scale, dtype=case.dtype)
        bounds = [constant(np.array(b, np.int32)) for b in (case.begin, case.end, case.strides)]
        yield Case(case.name, one_op("STRIDED_SLICE", [x, *bounds], out, case.options))
