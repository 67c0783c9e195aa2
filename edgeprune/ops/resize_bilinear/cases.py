"""Networks of one RESIZE_BILINEAR."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.resize_nearest_neighbor.cases import SIZES
from edgeprune.tflite.options import ResizeBilinearOptions

MODES = (("floor", False, False), ("align", True, False), ("half", False, True))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Up, down, to and from one pixel, in every mode."""
    for name, shape, size in (*SIZES, ("large", (1, 7, 13, 1), (64, 50))):
        for mode, align, half in MODES:
            x = activation(shape, 0.5, -3)
            out = activation((shape[0], *size, shape[3]), 0.5, -3)
            inputs = [x, constant(np.array(size, np.int32))]
            graph = one_op("RESIZE_BILINEAR", inputs, out, ResizeBilinearOptions(align, half))
            yield Case(f"{name}_{mode}", graph)
