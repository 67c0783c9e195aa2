"""Networks in which variables are read: before, between and after assignments."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import Step, activation, network, per_tensor, variable


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases."""
    x, y, z = (activation((1, 2, 3), 0.1, 5) for _ in range(3))
    v = variable(rng.integers(-128, 128, (1, 2, 3)).astype(np.int8), "v", per_tensor(0.1, 5))
    read, assign = Step("READ_VARIABLE", [v], [y]), Step("ASSIGN_VARIABLE", [x], [v])
    yield Case("the value of the run before", network([read, assign], [x], [y]))
    yield Case("the value of this run", network([assign, read], [x], [y]))
    again = Step("READ_VARIABLE", [v], [z])
    yield Case("before and after", network([read, assign, again], [x], [y, z]))
    flat = activation((6,), 0.2)
    yield Case("another shape and scale", network([Step("READ_VARIABLE", [v], [flat]), assign], [x], [flat]))
