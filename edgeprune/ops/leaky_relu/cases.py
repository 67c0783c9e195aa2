"""Networks of one LEAKY_RELU."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.options import LeakyReluOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Slopes below, above and at zero, and above one; zero points at both ends."""
    for name, alpha, x, out in (
        ("slope_tenth", 0.1, (0.1, 3), (0.08, -20)),
        ("slope_zero", 0.0, (0.1, -128), (0.1, -128)),
        ("slope_negative", -0.3, (0.1, 5), (0.05, 0)),
        ("slope_above_one", 3.5, (0.1, 127), (0.2, 127)),
        ("slope_tiny", 1e-12, (0.1, 0), (0.1, 0)),
        # Ties, which the factor's last bits decide: it must be computed in double.
        ("ties", 0.01, (0.21748022735, 0), (0.00434960425, 0)),
        ("same_scale", 0.5, (0.1, 0), (0.1, 0)),
    ):
        x_tensor, out_tensor = activation((1, 6, 43), *x), activation((1, 6, 43), *out)
        options = LeakyReluOptions(float(np.float32(alpha)))
        yield Case(name, one_op("LEAKY_RELU", [x_tensor], out_tensor, options))
