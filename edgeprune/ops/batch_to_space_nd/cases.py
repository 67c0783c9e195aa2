"""Networks of one BATCH_TO_SPACE_ND."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.space_to_batch_nd.cases import SHAPES, both_sides


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Images and lines, crops of every side, float32."""
    for name, dtype, shape, block, ends, zero_point in SHAPES:
        out, x = both_sides(dtype, shape, block, ends, zero_point)
        pairs = np.array(ends, np.int32).reshape(-1, 2)
        inputs = [x, constant(np.array(block, np.int32)), constant(pairs)]
        yield Case(name, one_op("BATCH_TO_SPACE_ND", inputs, out))
