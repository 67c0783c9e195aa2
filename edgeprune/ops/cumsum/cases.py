"""Networks of one CUMSUM."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.tflite.options import CumsumOptions

# Name, scale and zero point of the input and of the output.
SCALES = (
    ("zero_points_lowest", (0.1, -128), (0.4, -128)),
    ("zero_points_highest", (0.1, 127), (0.4, 127)),
    ("output_fine", (0.1, 3), (1e-5, 0)),
    ("output_coarse", (0.1, 3), (70.0, 5)),
    ("output_vanishes", (1e-9, 3), (70.0, -7)),
)
SCALES_ONLY = tuple(name for name, _, _ in SCALES)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, both options, lines so long that sums wrap, scales and zero points."""
    for name, shape, axis in (
        ("vector", (9,), 0),
        ("rows", (1, 4, 3, 2), 1),
        ("columns", (1, 2, 5, 3), -2),
        ("channels", (1, 2, 3, 6), 3),
        ("sums_wrap", (1, 90, 2), 1),
    ):
        for exclusive in (False, True):
            for reverse in (False, True):
                suffix = f"{'_exclusive' if exclusive else ''}{'_reverse' if reverse else ''}"
                inputs = [activation(shape, 0.1, 3), constant(np.array(axis, np.int32))]
                options = CumsumOptions(exclusive, reverse)
                yield Case(name + suffix, one_op("CUMSUM", inputs, activation(shape, 0.4, -5), options))
    for name, x, out in SCALES:
        inputs = [activation((1, 7, 4), *x), constant(np.array(1, np.int32))]
        yield Case(name, one_op("CUMSUM", inputs, activation((1, 7, 4), *out), CumsumOptions()))
