"""What L2_NORMALIZATION of every type reads alike, and its networks."""

from collections.abc import Iterator
from math import prod

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.operands import Operands
from edgeprune.tflite.options import ArithmeticOptions

MAX_RANK = 4
OUTPUT = (1 / 128, 0)


def read_rows(operands: Operands) -> tuple[int, int]:
    """Rows and their depth; raises ModelError."""
    operands.count(1, 1)
    x = operands.input(0)
    operands.same_shape(x, operands.output())
    if not 1 <= len(x.shape) <= MAX_RANK:
        raise operands.error(f"the input has {len(x.shape)} dimensions, must have 1 to {MAX_RANK}")
    if operands.options(ArithmeticOptions).activation != "NONE":
        raise operands.error("no fused activation is supported")
    return prod(x.shape[:-1]), x.shape[-1]


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Rows of 1 to 1000, every rank; zero points at both ends, where a row may be all zeros."""
    for name, shape, zero_point in (
        ("embedding", (1, 64), 3),
        ("one", (1, 3, 1), 0),
        ("two", (1, 5, 2), -7),
        ("vector", (7,), 11),
        ("image", (1, 3, 4, 5), 60),
        ("long", (1, 1000), -1),
        ("longest", (1, 20000), -1),
        ("zero_point_low", (1, 4, 12), -128),
        ("zero_point_high", (1, 4, 12), 127),
    ):
        x, out = activation(shape, 0.05, zero_point), activation(shape, *OUTPUT)
        yield Case(name, one_op("L2_NORMALIZATION", [x], out, ArithmeticOptions()))
