"""Networks of one SOFTMAX."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.options import SoftmaxOptions

OUTPUT = (1 / 256, -128)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Rows of 1 to 500, every rank, tables that end early and late, beta."""
    for name, shape, scale, beta in (
        ("ten_classes", (1, 10), 0.15, 1.0),
        ("one_class", (1, 3, 1), 0.1, 1.0),
        ("two_classes", (1, 2), 0.05, 1.0),
        ("vector", (7,), 0.1, 1.0),
        ("image", (1, 3, 4, 5), 0.08, 1.0),
        ("rank_5", (1, 2, 2, 2, 6), 0.08, 1.0),
        ("many", (1, 500), 0.1, 1.0),
        ("many_rows", (1, 500, 3), 0.05, 1.0),
        ("flat", (1, 300), 1e-6, 1.0),
        ("flattest", (1, 300), 2.0**-26 * 1.01, 1.0),
        ("steep", (1, 4, 30), 3.0, 1.0),
        ("table_of_two", (1, 4, 30), 16.5, 1.0),
        ("table_of_one", (1, 4, 30), 40.0, 1.0),
        ("beta_half", (1, 4, 12), 0.2, 0.5),
        ("beta_huge", (1, 4, 12), 1.0, 1e6),
    ):
        x, out = activation(shape, scale, 11), activation(shape, *OUTPUT)
        yield Case(name, one_op("SOFTMAX", [x], out, SoftmaxOptions(beta)))
