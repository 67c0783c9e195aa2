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
    """Bytes of buffers that are live in one step, in rising order, must not run into each other."""
    end, last = 0, ""
    for buffer in sorted(live, key=lambda b: offsets[b]):
        if offsets[buffer] < end:
            raise InternalError(
                f"buffers {last!r} and {buffer.name!r} overlap in step {step}: "
                f"the one ends at {end}, the other begins at {offsets[buffer]}"
            )
        end, last = offsets[buffer] + buffer.size_bytes, buffer.name
