"""Networks of one PRELU."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.loops import Shape

SHAPES: tuple[tuple[str, Shape, Shape], ...] = (
    ("channels", (1, 3, 4, 5), (1, 1, 5)),
    ("every_element", (1, 3, 4, 5), (3, 4, 5)),
    ("one_slope", (1, 3, 4, 5), (1,)),
    ("rows", (1, 3, 4, 5), (3, 1, 1)),
    ("columns", (1, 3, 4, 5), (1, 4, 1)),
    ("matrix", (1, 9), (9,)),
    ("vector", (9,), (9,)),
)

SCALES = (
    ("zero_points_low", (0.1, -128), (0.01, -128), (0.1, -128)),
    ("zero_points_high", (0.1, 127), (0.01, 127), (0.1, 127)),
    ("zero_points_apart", (0.1, -128), (0.01, 127), (0.1, 3)),
    ("output_fine", (0.1, -3), (0.3, 5), (1e-5, 0)),
    ("output_coarse", (0.1, -3), (0.3, 5), (9.0, 0)),
    ("slopes_tiny", (0.1, -3), (1e-9, 5), (0.1, 0)),
    ("slopes_large", (0.1, -3), (700.0, 5), (0.1, 0)),
    # Multiples of one scale half-way between two of the other: the factors' last bits decide.
    ("ties", (0.21748022735, 0), (0.01, 0), (0.00434960425, 0)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Slopes for channels, rows, columns, all or each; extreme scales; slopes that are computed."""
    for name, shape, slopes in SHAPES:
        values = constant(rng.integers(-128, 128, slopes).astype(np.int8), per_tensor(0.01, 7))
        yield Case(name, one_op("PRELU", [activation(shape, 0.1, -5), values], activation(shape, 0.08, 20)))
    for name, x, slope, out in SCALES:
        shape = (1, 4, 5, 13)
        values = constant(rng.integers(-128, 128, (1, 1, 13)).astype(np.int8), per_tensor(*slope))
        yield Case(name, one_op("PRELU", [activation(shape, *x), values], activation(shape, *out)))
    inputs = [activation((1, 4, 3), 0.1, -5), activation((1, 1, 3), 0.01, 7)]
    yield Case("computed_slopes", one_op("PRELU", inputs, activation((1, 4, 3), 0.1, 0)))
