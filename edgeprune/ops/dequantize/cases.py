"""Networks of one DEQUANTIZE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Usual, tiny, subnormal and huge steps; zero points at both ends."""
    for name, shape, scale, zero_point in (
        ("usual", (1, 7, 8, 5), 0.0371, 3),
        ("zero_point_low", (300,), 1 / 3, -128),
        ("zero_point_high", (1, 300), 1 / 7, 127),
        ("tiny", (1, 300), 1.3e-30, 0),
        ("subnormal", (1, 300), 1.3e-40, 0),
        ("huge", (1, 300), 1.1e36, 0),
    ):
        x, out = activation(shape, scale, zero_point), activation(shape, dtype="float32")
        yield Case(name, one_op("DEQUANTIZE", [x], out))
