"""Networks of one MIRROR_PAD."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.pad.cases import SHAPES
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import MirrorMode, MirrorPadOptions

_SHAPES = (
    *(shape for shape in SHAPES if shape[0] in ("vector", "image", "nothing")),
    ("matrix", (1, 3), ((0, 0), (2, 1))),
    ("one_end", (1, 4, 5, 3), ((0, 0), (3, 0), (0, 4), (0, 0))),
    ("everywhere_5d", (1, 3, 4, 3, 2), ((0, 0), (2, 1), (3, 0), (0, 2), (1, 1))),
    ("channels", (1, 4, 5, 3), ((0, 0), (0, 0), (0, 0), (2, 2))),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Both modes, ranks 1 to 5, the longest paddings that there can be, paddings of 64 bits."""
    modes: tuple[MirrorMode, ...] = ("REFLECT", "SYMMETRIC")
    for mode in modes:
        for name, shape, paddings in _SHAPES:
            dtype = "float32" if name == "image" and mode == "SYMMETRIC" else "int8"
            kind = np.int64 if name == "one_end" else np.int32
            out_shape = tuple(e + sum(pair) for e, pair in zip(shape, paddings, strict=True))
            inputs = [tensor(dtype, shape), constant(np.array(paddings, kind))]
            graph = one_op("MIRROR_PAD", inputs, tensor(dtype, out_shape), MirrorPadOptions(mode))
            yield Case(f"{name}_{mode.lower()}", graph)
    inputs = [tensor("int8", (1, 4)), constant(np.array(((1, 1), (4, 4)), np.int32))]
    yield Case("whole", one_op("MIRROR_PAD", inputs, tensor("int8", (3, 12)), MirrorPadOptions("SYMMETRIC")))
