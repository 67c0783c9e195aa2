"""Placing buffers one after the other, each at the lowest gap that fits: what planners order for.

Some order gives the best plan there is: take an optimal plan and place its buffers by rising offset;
none of them can land higher than it was. Planners therefore search orders, not offsets.
"""

from collections.abc import Iterable

from edgeprune.memory.plan import Buffer, round_up


def place_in_order(order: Iterable[Buffer], align_bytes: int) -> dict[Buffer, int]:
    """Offsets for buffers placed in this order, multiples of `align_bytes`."""
    offsets: dict[Buffer, int] = {}
    for new in order:
        neighbours = sorted((at, b.size_bytes) for b, at in offsets.items() if b.meets(new))
        offset = 0
        for at, size in neighbours:
            if offset + new.size_bytes <= at:
                break
            offset = max(offset, round_up(at + size, align_bytes))
        offsets[new] = offset
    return offsets


def top(offsets: dict[Buffer, int]) -> int:
    """The first byte behind all buffers."""
    return max((at + b.size_bytes for b, at in offsets.items()), default=0)
