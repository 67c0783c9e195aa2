"""Networks of one DEPTH_TO_SPACE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import one_op
from edgeprune.ops.space_to_depth.cases import SHAPES
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import BlockOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Blocks of one to four, one channel and several."""
    for name, dtype, shape, block in SHAPES:
        _, height, width, channels = shape
        out = tensor(dtype, (1, height * block, width * block, channels // block**2))
        yield Case(name, one_op("DEPTH_TO_SPACE", [tensor(dtype, shape)], out, BlockOptions(block)))
