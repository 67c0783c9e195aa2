"""Networks of one SQUEEZE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import one_op
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import SqueezeOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Named dimensions, from the front and the back, all of them, none to be found, every type."""
    for name, dtype, shape, dims, out_shape in (
        ("named", "int8", (1, 1, 4, 5), (1,), (1, 4, 5)),
        ("from_the_back", "int8", (1, 4, 1, 1), (-1, 2), (1, 4)),
        ("all", "int8", (1, 1, 4, 1), (), (4,)),
        ("none", "int8", (3,), (), (3,)),
        ("to_scalar", "int8", (1, 1), (), ()),
        ("uint8", "uint8", (1, 1, 3), (1,), (1, 3)),
        ("int16", "int16", (1, 1, 3), (1,), (1, 3)),
        ("int32", "int32", (1, 1, 3), (1,), (1, 3)),
        ("int64", "int64", (1, 1, 3), (1,), (1, 3)),
        ("float32", "float32", (1, 1, 3), (1,), (1, 3)),
        ("bool", "bool", (1, 1, 3), (1,), (1, 3)),
    ):
        graph = one_op("SQUEEZE", [tensor(dtype, shape)], tensor(dtype, out_shape), SqueezeOptions(dims))
        yield Case(name, graph)
