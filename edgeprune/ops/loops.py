"""Loop nests: how a kernel walks tensors of any rank with a fixed number of loops.

A tensor is walked with one stride per dimension, in elements; stride 0 repeats it (broadcasting), a
negative stride walks backwards. Neighbouring dimensions that all operands walk as one are merged,
so two tensors of equal shape are one loop whatever their rank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgeprune.errors import InternalError

Shape = tuple[int, ...]

OUTER_LOOPS = 5
"""EP_LOOPS of ep_math.h: the loops around the innermost one."""

MAX_RANK = OUTER_LOOPS + 1


@dataclass(frozen=True)
class LoopNest:
    """`OUTER_LOOPS` loops, outermost first, around one of `count` steps.

    `strides` and `steps` have one entry for each operand, in elements.
    """

    extents: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    count: int
    steps: tuple[int, ...]


def contiguous_strides(shape: Shape) -> tuple[int, ...]:
    """The strides of a dense row-major tensor."""
    return tuple(prod(shape[d + 1 :]) for d in range(len(shape)))


def broadcast_strides(shape: Shape, out_shape: Shape) -> tuple[int, ...]:
    """The strides with which a tensor of `shape` is walked along `out_shape`."""
    missing = len(out_shape) - len(shape)
    strides = contiguous_strides(shape)
    return (0,) * missing + tuple(0 if e == 1 else s for e, s in zip(shape, strides, strict=True))


def loop_nest(extents: Shape, *strides: Sequence[int]) -> LoopNest:
    """The merged loops over `extents`, for operands with `strides`.

    Raises InternalError for more than `MAX_RANK` loops: operators have a rule on the rank.
    """
    merged: list[tuple[int, tuple[int, ...]]] = []
    for extent, *inner in zip(extents, *strides, strict=True):
        if extent == 1:
            continue
        step = tuple(inner)
        if merged and all(o == i * extent for o, i in zip(merged[-1][1], step, strict=True)):
            merged[-1] = (merged[-1][0] * extent, step)
        else:
            merged.append((extent, step))
    if len(merged) > MAX_RANK:
        raise InternalError(f"{len(merged)} loops are needed, kernels have {MAX_RANK}")
    count, steps = merged.pop() if merged else (1, (0,) * len(strides))
    idle = [(1, (0,) * len(strides))] * (OUTER_LOOPS - len(merged))
    outer = idle + merged
    return LoopNest(
        tuple(extent for extent, _ in outer),
        tuple(tuple(step[i] for _, step in outer) for i in range(len(strides))),
        count,
        steps,
    )
