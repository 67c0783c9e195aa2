"""Networks of one PADV2."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op, per_tensor
from edgeprune.ops.pad.cases import SHAPES, padded


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """PAD's shapes, filled with the lowest, the highest and other values."""
    fills = [-128, 127, 0, -1, 3, 90, -77, 5]
    for (name, shape, _), fill in zip(SHAPES, fills, strict=True):
        x, paddings, out = padded(name, shape, zero_point=7)
        value = constant(np.array([fill], np.int8), per_tensor(0.2, 7))
        yield Case(name, one_op("PADV2", [x, paddings, value], out))
