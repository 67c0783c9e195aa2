"""An independent check of memory plans: knows intervals of steps and of bytes, and no planner.

Works on plain data, by a way of its own: it goes through the steps and looks at the bytes in use,
while planners compare lifetimes pair by pair.
"""

from collections.abc import Iterable, Mapping

from edgeprune.errors import InternalError
from edgeprune.memory.plan import Buffer


def check_plan(
    buffers: Iterable[Buffer], offsets: Mapping[Buffer, int], align_bytes: int, arena_bytes: int
) -> None:
    """Raise InternalError unless every buffer has a place of its own for as long as it is needed."""
    needed = list(buffers)
    names = [buffer.name for buffer in needed]
    if len(set(names)) != len(names):
        raise InternalError("two buffers have the same name")
    strangers = sorted(buffer.name for buffer in set(offsets) - set(needed))
    if strangers:
        raise InternalError(f"the plan places buffers that nobody asked for: {', '.join(strangers)}")
    for buffer in needed:
        _check_one(buffer, offsets, align_bytes, arena_bytes)
    for step in sorted({buffer.start for buffer in needed}):
        _check_step(step, [b for b in needed if b.start <= step < b.stop], offsets)


def _check_one(buffer: Buffer, offsets: Mapping[Buffer, int], align_bytes: int, arena_bytes: int) -> None:
    if buffer not in offsets:
        raise InternalError(f"buffer {buffer.name!r} has no place")
    if buffer.start >= buffer.stop or buffer.size_bytes <= 0:
        raise InternalError(
            f"buffer {buffer.name!r} is empty: {buffer.size_bytes} bytes, "
            f"steps {buffer.start} to {buffer.stop}"
        )
    offset = offsets[buffer]
    if offset % align_bytes:
        raise InternalError(
            f"buffer {buffer.name!r} is at {offset}, which is not a multiple of {align_bytes}"
        )
    if offset < 0 or offset + buffer.size_bytes > arena_bytes:
        raise InternalError(
            f"buffer {buffer.name!r} is at {offset} to {offset + buffer.size_bytes}, "
            f"the arena has {arena_bytes}"
        )


def _check_step(step: int, live: list[Buffer], offsets: Mapping[Buffer, int]) -> None:
    """Bytes of buffers that are live in one step must not run into each other, or as agreed."""
    rising = sorted(live, key=lambda b: offsets[b])
    for i, lower in enumerate(rising):
        end = offsets[lower] + lower.size_bytes
        for upper in rising[i + 1 :]:
            if offsets[upper] >= end:
                break
            if not _may_overwrite(step, lower, upper, offsets[upper] - offsets[lower]):
                raise InternalError(
                    f"buffers {lower.name!r} and {upper.name!r} overlap in step {step}: "
                    f"the one ends at {end}, the other begins at {offsets[upper]}"
                )


def _may_overwrite(step: int, lower: Buffer, upper: Buffer, distance: int) -> bool:
    """Whether `lower`, written in `step`, may run into `upper`, read there for the last time."""
    pairs = [(lower, upper, distance), (upper, lower, -distance)]
    return any(
        written.start == step == read.stop - 1
        and read.start < step
        and any(name == read.name and above >= lag >= 0 for name, lag in written.over)
        for written, read, above in pairs
    )
