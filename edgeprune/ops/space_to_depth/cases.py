"""Networks of one SPACE_TO_DEPTH; DEPTH_TO_SPACE uses the same shapes."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import one_op
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import BlockOptions

# Name, type, the shape with more channels, block.
SHAPES = (
    ("twos", "int8", (1, 3, 4, 12), 2),
    ("one_channel", "int8", (1, 3, 2, 4), 2),
    ("threes", "int8", (1, 2, 3, 18), 3),
    ("one_pixel", "int8", (1, 1, 1, 16), 4),
    ("nothing", "int8", (1, 3, 4, 5), 1),
    ("float32", "float32", (1, 3, 2, 8), 2),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Blocks of one to four, one channel and several."""
    for name, dtype, (_, height, width, channels), block in SHAPES:
        x = tensor(dtype, (1, height * block, width * block, channels // block**2))
        out = tensor(dtype, (1, height, width, channels))
        yield Case(name, one_op("SPACE_TO_DEPTH", [x], out, BlockOptions(block)))
