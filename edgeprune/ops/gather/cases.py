"""Networks of one GATHER."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import constant, one_op
from edgeprune.ops.split.cases import tensor
from edgeprune.tflite.options import GatherOptions


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every axis, indices of every rank, in order and not, one index, batch dimensions, float32."""
    for name, dtype, shape, index_shape, axis, batch_dims in (
        ("channels", "int8", (1, 3, 4, 6), (6,), 3, 0),
        ("rows", "int8", (1, 3, 4, 6), (5,), 1, 0),
        ("from_the_back", "int8", (1, 3, 4, 6), (2,), -2, 0),
        ("vector", "int8", (9,), (4,), 0, 0),
        ("scalar_index", "int8", (1, 3, 4), (), 1, 0),
        ("many_indices", "int8", (1, 7, 4), (2, 3, 2), 1, 0),
        ("one_batch_dimension", "int8", (1, 5, 3), (1, 4), 1, 1),
        ("batches_and_rows", "int8", (1, 3, 6, 2), (1, 4), 2, 1),
        ("two_batch_dimensions", "int8", (1, 3, 6, 2), (1, 3, 4), 2, 2),
        ("batches_from_the_back", "int8", (1, 3, 6), (1, 3, 4), 2, -1),
        ("float32", "float32", (1, 5, 3), (7,), 1, 0),
    ):
        indices = rng.integers(0, shape[axis], index_shape).astype(np.int32)
        batches = batch_dims % len(index_shape) if batch_dims else 0
        at = axis % len(shape)
        out = tensor(dtype, (*shape[:at], *index_shape[batches:], *shape[at + 1 :]))
        inputs = [tensor(dtype, shape), constant(np.asarray(indices))]
        yield Case(name, one_op("GATHER", inputs, out, GatherOptions(axis, batch_dims)))
    in_order = constant(np.array([1, 2, 3], np.int32))
    inputs = [tensor("int8", (1, 5, 2)), in_order]
    yield Case("in_order", one_op("GATHER", inputs, tensor("int8", (1, 3, 2)), GatherOptions(1)))
