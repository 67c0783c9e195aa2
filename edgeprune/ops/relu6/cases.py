"""Networks of one RELU6."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """6.0 inside the range, above it, at its end; an output scale that TFLM ignores."""
    for name, x, out in (
        ("six_inside", (0.1, -20), (0.1, -20)),
        ("six_outside", (0.01, 0), (0.01, 0)),
        ("six_at_end", (6.0 / 255, -128), (6.0 / 255, -128)),
        ("zero_at_end", (0.5, 127), (0.5, 127)),
        ("six_is_half_a_step", (12.0, 3), (12.0, 3)),
        ("output_scale_ignored", (0.1, -20), (0.0235, -128)),
    ):
        yield Case(name, one_op("RELU6", [activation((1, 4, 4, 5), *x)], activation((1, 4, 4, 5), *out)))
