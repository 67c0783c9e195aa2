"""Networks of one RESIZE_NEAREST_NEIGHBOR."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ResizeNearestOptions

SIZES = (
    ("double", (1, 3, 4, 5), (6, 8)),
    ("odd_up", (1, 3, 4, 1), (7, 11)),
    ("odd_down", (1, 11, 7, 2), (4, 3)),
    ("to_one", (1, 5, 6, 3), (1, 1)),
    ("from_one", (1, 1, 1, 3), (4, 5)),
    # 2 to 41 and 4 to 38: float32 and exact arithmetic choose different pixels.
    ("float32_places", (1, 2, 4, 1), (41, 38)),
    ("same", (1, 4, 5, 2), (4, 5)),
    ("one_axis", (1, 4, 5, 2), (4, 13)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Up, down, to and from one pixel, in every mode; wider elements."""
    for name, shape, size in SIZES:
        for align in (False, True):
            for half in (False, True):
                options = ResizeNearestOptions(align, half)
                mode = f"{'align' if align else 'floor'}{'_half' if half else ''}"
                yield Case(f"{name}_{mode}", _network("int8", shape, size, options))
    for dtype in ("int16", "float32"):
        yield Case(dtype, _network(dtype, (1, 3, 4, 5), (5, 7), ResizeNearestOptions()))


def _network(
    dtype: str, shape: tuple[int, ...], size: tuple[int, int], options: ResizeNearestOptions
) -> QuantGraph:
    scale = None if dtype == "float32" else 0.5
    x = activation(shape, scale, dtype=dtype)
    out = activation((shape[0], *size, shape[3]), scale, dtype=dtype)
    return one_op("RESIZE_NEAREST_NEIGHBOR", [x, constant(np.array(size, np.int32))], out, options)
