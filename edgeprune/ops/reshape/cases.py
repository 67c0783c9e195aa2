"""Networks of one RESHAPE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Fewer, more and as many dimensions; with and without the shape's tensor; wider elements."""
    for name, dtype, shape, out_shape in (
        ("flatten", "int8", (1, 3, 4, 5), (1, 60)),
        ("unflatten", "int8", (1, 60), (1, 5, 4, 3)),
        ("same", "int8", (1, 2, 3), (1, 2, 3)),
        ("int16", "int16", (1, 24), (2, 12)),
        ("int32", "int32", (1, 4, 6), (24,)),
        ("float32", "float32", (24,), (2, 2, 2, 3)),
    ):
        scale = 0.25 if dtype in ("int8", "int16") else None
        x, out = activation(shape, scale, dtype=dtype), activation(out_shape, scale, dtype=dtype)
        yield Case(name, one_op("RESHAPE", [x, constant(np.array(out_shape, np.int32))], out))
    x, out = activation((1, 12), 0.25), activation((3, 4), 0.25)
    yield Case("to_scalar", one_op("RESHAPE", [activation((1, 1), 0.25)], activation((), 0.25)))
    yield Case("no_shape_input", one_op("RESHAPE", [x], out))
    yield Case("unknown_extent", one_op("RESHAPE", [x, constant(np.array([-1, 4], np.int32))], out))
