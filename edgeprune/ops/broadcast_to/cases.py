"""Networks of one BROADCAST_TO."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Inner, outer, missing and alternating dimensions, nothing to repeat, shapes of 64 bits, every type."""
    for name, dtype, shape, out_shape in (
        ("scalar", "int8", (), (2, 3)),
        ("one_element", "int8", (1,), (2, 3, 4)),
        ("channels", "int8", (1, 3, 4, 1), (1, 3, 4, 5)),
        ("vector", "int8", (5,), (1, 3, 4, 5)),
        ("rows", "int8", (1, 3, 1, 1), (1, 3, 4, 5)),
        ("alternating", "int8", (1, 3, 1, 2), (4, 3, 5, 2)),
        ("rank_5", "int8", (1, 2, 1, 3, 1), (2, 2, 3, 3, 2)),
        ("same", "int8", (1, 3, 4), (1, 3, 4)),
        ("uint8", "uint8", (1, 3), (2, 3)),
        ("int16", "int16", (1, 3, 1), (2, 3, 2)),
        ("int32", "int32", (1, 3), (2, 3)),
        ("int64", "int64", (1, 3, 1), (2, 3, 2)),
        ("float32", "float32", (1, 3, 1), (2, 3, 2)),
        ("bool", "bool", (1, 3), (2, 3)),
    ):
        wanted = constant(np.array(out_shape, np.int64 if name == "rows" else np.int32))
        yield Case(name, one_op("BROADCAST_TO", [tensor(dtype, shape), wanted], tensor(dtype, out_shape)))
