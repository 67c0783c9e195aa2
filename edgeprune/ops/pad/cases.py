"""Networks of one PAD; PADV2 uses the same shapes."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.tflite.graph import Tensor

# Name, input's shape, (before, after) for each dimension.
SHAPES: tuple[tuple[str, tuple[int, ...], tuple[tuple[int, int], ...]], ...] = (
    ("vector", (5,), ((2, 3),)),
    ("matrix", (1, 3), ((1, 0), (0, 2))),
    ("image", (1, 4, 5, 3), ((0, 0), (1, 1), (1, 2), (0, 0))),
    ("channels", (1, 4, 5, 3), ((0, 0), (0, 0), (0, 0), (1, 4))),
    ("batch", (1, 4, 5, 3), ((1, 1), (0, 0), (0, 0), (0, 0))),
    ("everywhere_4d", (1, 3, 2, 3), ((1, 2), (0, 1), (3, 0), (1, 1))),
    ("everywhere_5d", (1, 2, 2, 3, 2), ((1, 2), (0, 1), (3, 0), (1, 1), (2, 1))),
    ("nothing", (1, 3, 4), ((0, 0), (0, 0), (0, 0))),
)


def padded(name: str, shape: tuple[int, ...], zero_point: int) -> list[Tensor]:
    """Input, paddings and output of the case `name` of `SHAPES`."""
    paddings = next(p for n, _, p in SHAPES if n == name)
    out_shape = [extent + sum(pair) for extent, pair in zip(shape, paddings, strict=True)]
    x, out = activation(shape, 0.2, zero_point), activation(out_shape, 0.2, zero_point)
    return [x, constant(np.array(paddings, np.int32)), out]


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Ranks 1 to 5, one end, both ends, nothing; zero points at both ends."""
    zero_points = [-128, 127, 0, -1, 3, 90, -77, 5]
    for (name, shape, _), zero_point in zip(SHAPES, zero_points, strict=True):
        x, paddings, out = padded(name, shape, zero_point)
        yield Case(name, one_op("PAD", [x, paddings], out))
