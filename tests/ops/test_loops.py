"""Loop nests visit what numpy's broadcasting and striding visit, in the same order."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from edgeprune.errors import InternalError
from edgeprune.ops.loops import (
    OUTER_LOOPS,
    LoopNest,
    broadcast_strides,
    contiguous_strides,
    loop_nest,
)


def offsets(nest: LoopNest, operand: int) -> Iterator[int]:
    """Where the loops of `nest` read `operand`, in their order."""
    for at in product(*map(range, nest.extents)):
        start = sum(i * stride for i, stride in zip(at, nest.strides[operand], strict=True))
        yield from (start + i * nest.steps[operand] for i in range(nest.count))


@pytest.mark.parametrize(
    ("shape", "out_shape"),
    [
        ((2, 3, 4), (2, 3, 4)),
        ((4,), (2, 3, 4)),
        ((), (3, 2)),
        ((1, 3, 1), (2, 3, 4)),
        ((2, 1, 3, 1, 2, 1), (2, 5, 3, 4, 2, 3)),
        ((1, 1, 1), (1, 1, 1)),
        ((), ()),
    ],
)
def test_broadcast_is_numpy(shape: tuple[int, ...], out_shape: tuple[int, ...]) -> None:
    elements = np.arange(int(np.prod(shape))).reshape(shape)
    nest = loop_nest(out_shape, broadcast_strides(shape, out_shape), contiguous_strides(out_shape))
    assert list(offsets(nest, 0)) == np.broadcast_to(elements, out_shape).reshape(-1).tolist()
    assert list(offsets(nest, 1)) == list(range(int(np.prod(out_shape))))
    assert len(nest.extents) == OUTER_LOOPS


def test_dimensions_that_are_walked_as_one_are_merged() -> None:
    shape = (2, 3, 1, 4)
    nest = loop_nest(shape, contiguous_strides(shape), contiguous_strides(shape))
    assert nest == LoopNest((1,) * 5, ((0,) * 5, (0,) * 5), 24, (1, 1))
    channels = loop_nest(shape, contiguous_strides(shape), broadcast_strides((4,), shape))
    assert (channels.extents, channels.count) == ((1, 1, 1, 1, 6), 4)
    assert channels.strides == ((0, 0, 0, 0, 4), (0, 0, 0, 0, 0))


def test_negative_strides_walk_backwards() -> None:
    nest = loop_nest((2, 3), (-6, -2))
    assert [11 + offset for offset in offsets(nest, 0)] == [11, 9, 7, 5, 3, 1]


def test_too_many_loops_are_our_fault() -> None:
    shape = (2,) * 7
    with pytest.raises(InternalError, match="7 loops are needed, kernels have 6"):
        loop_nest(shape, [3**d for d in range(7)])
