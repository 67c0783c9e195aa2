"""Networks of one ADD_N."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.cumsum.cases import SCALES


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Two inputs to twenty, whose sums wrap, a constant, the same tensor twice, scales, zero points."""
    for name, shape, count in (
        ("two", (1, 3, 4, 2), 2),
        ("five", (1, 9), 5),
        ("twenty", (7,), 20),
        ("scalars", (), 3),
    ):
        inputs = [activation(shape, 0.1, 3) for _ in range(count)]
        yield Case(name, one_op("ADD_N", inputs, activation(shape, 0.4, -5)))
    x, out = activation((1, 6), 0.1, 3), activation((1, 6), 0.4, -5)
    fixed = constant(rng.integers(-128, 128, (1, 6)).astype(np.int8), per_tensor(0.1, 3))
    yield Case("constant_and_twice", one_op("ADD_N", [x, fixed, x], out))
    for name, scaled, result in SCALES:
        inputs = [activation((1, 5, 4), *scaled) for _ in range(3)]
        yield Case(name, one_op("ADD_N", inputs, activation((1, 5, 4), *result)))
