"""Networks of one SPACE_TO_BATCH_ND; BATCH_TO_SPACE_ND uses the same shapes."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.loops import Shape
from edgeprune.tflite.graph import Tensor

# Name, type, the images' shape, block, what is added or taken away at the ends, zero point.
SHAPES: tuple[tuple[str, str, Shape, tuple[int, ...], tuple[int, ...], int], ...] = (
    ("twos", "int8", (1, 4, 6, 3), (2, 2), (0, 0, 0, 0), -7),
    ("padded", "int8", (1, 3, 5, 2), (2, 3), (1, 2, 0, 1), -128),
    ("one_side", "int8", (1, 4, 5, 2), (1, 2), (0, 0, 3, 0), 0),
    ("lines", "int8", (1, 7, 3), (4,), (1, 0), 12),
    ("lines_whole", "int8", (1, 6, 3), (3,), (0, 0), 90),
    ("nothing", "int8", (1, 3, 2, 4), (1, 1), (0, 0, 0, 0), 5),
    ("more_padding_than_image", "int8", (1, 1, 2, 3), (2, 2), (4, 3, 2, 4), 0),
    ("float32_whole", "float32", (1, 4, 4, 2), (2, 2), (0, 0, 0, 0), 0),
    ("float32", "float32", (1, 3, 4, 2), (2, 2), (0, 1, 1, 1), 0),
)


def both_sides(dtype: str, shape: Shape, block: Shape, ends: Shape, zero_point: int) -> tuple[Tensor, Tensor]:
    """Tensors of the images' shape and of the shape that their blocks make."""
    spatial = [(extent + ends[2 * d] + ends[2 * d + 1]) // block[d] for d, extent in enumerate(shape[1:-1])]
    batch = (shape[0] * int(np.prod(block)), *spatial, shape[-1])
    scale = 0.25 if dtype == "int8" else None
    return activation(shape, scale, zero_point, dtype), activation(batch, scale, zero_point, dtype)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Images and lines, without the padding that TFLM leaves undefined."""
    yield from (case for case, ends in _every() if not any(ends))


def padded_cases() -> Iterator[Case]:
    """Paddings of every side, longer than the image, float32."""
    yield from (case for case, ends in _every() if any(ends))


def _every() -> Iterator[tuple[Case, Shape]]:
    for name, dtype, shape, block, ends, zero_point in SHAPES:
        x, out = both_sides(dtype, shape, block, ends, zero_point)
        pairs = np.array(ends, np.int32).reshape(-1, 2)
        inputs = [x, constant(np.array(block, np.int32)), constant(pairs)]
        yield Case(name, one_op("SPACE_TO_BATCH_ND", inputs, out)), ends
