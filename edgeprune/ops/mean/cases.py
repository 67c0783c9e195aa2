"""Networks of one MEAN."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.loops import Shape
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ReducerOptions

SHAPES: tuple[tuple[str, Shape, tuple[int, ...], bool], ...] = (
    ("global", (1, 5, 7, 6), (1, 2), False),
    ("global_keep", (1, 5, 7, 6), (1, 2), True),
    ("global_reversed", (1, 5, 7, 6), (2, 1), True),
    ("negative_axes", (1, 5, 7, 6), (-3, -2), False),
    ("repeated_axis", (1, 5, 7, 6), (1, 1, -3), False),
    ("channels", (1, 5, 7, 6), (3,), False),
    ("all", (1, 3, 4), (0, 1, 2), False),
    ("all_keep", (1, 3, 4), (0, 1, 2), True),
    ("alternate", (1, 3, 2, 5, 3), (0, 2, 4), False),
    ("alternate_odd", (1, 3, 2, 5, 3), (1, 3), True),
    ("alternate_6d", (1, 3, 2, 5, 2, 3), (1, 3, 5), False),
    ("vector", (37,), (0,), True),
    ("extent_one", (1, 1, 1, 9), (1, 2), False),
    ("power_of_two", (1, 8, 8, 3), (1, 2), False),
    ("large", (1, 40, 50, 2), (1, 2), False),
)

SCALES = (
    ("same_scale", (0.1, 0), (0.1, 0)),
    ("zero_points_low", (0.1, -128), (0.09, -128)),
    ("zero_points_high", (0.1, 127), (0.09, 127)),
    ("factor_large", (3.0, -5), (0.01, 3)),
    ("factor_tiny", (1e-6, -5), (0.9, 3)),
    ("factor_too_tiny_to_shift", (3e-9, -5), (4.0, 3)),
    ("factor_vanishes", (1e-11, -5), (4.0, 3)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Axes of every kind, counts above and below powers of two, extreme scales."""
    for name, shape, axes, keep_dims in SHAPES:
        yield Case(name, _network(shape, axes, keep_dims, (0.08, -3), (0.05, 9)))
    for name, x, out in SCALES:
        yield Case(name, _network((1, 6, 5, 7), (1, 2), False, x, out))


def _network(
    shape: Shape, axes: tuple[int, ...], keep_dims: bool, x: tuple[float, int], out: tuple[float, int]
) -> QuantGraph:
    gone = {axis % len(shape) for axis in axes}
    kept = [(1 if d in gone else e) for d, e in enumerate(shape) if keep_dims or d not in gone]
    inputs = [activation(shape, *x), constant(np.array(axes, np.int32))]
    return one_op("MEAN", inputs, activation(kept, *out), ReducerOptions(keep_dims))
