"""Placing buffers one after the other, each at the lowest gap that fits: what planners order for.

Some order gives the best plan there is: take an optimal plan and place its buffers by rising offset;
none of them can land higher than it was. Planners therefore search orders, not offsets.
"""

from collections.abc import Iterable

from edgeprune.memory.plan import Buffer, round_up
from edgeprune.ops.overlap import SAME_PLACE


def place_in_order(order: Iterable[Buffer], align_bytes: int) -> dict[Buffer, int]:
    """Offsets for buffers placed in this order, multiples of `align_bytes`."""
    offsets: dict[Buffer, int] = {}
    for new in order:
        offsets[new] = lowest(new, offsets, align_bytes)
    return offsets


def lowest(new: Buffer, offsets: dict[Buffer, int], align_bytes: int) -> int:
    """The lowest offset that the buffers already placed leave to `new`."""
    placed = [(b, at) for b, at in offsets.items() if b.meets(new)]
    taken = sorted(interval for b, at in placed for interval in _forbidden(new, b, at))
    offset = 0
    for low, high in taken:
        if offset <= low:
            break
        offset = max(offset, round_up(high, align_bytes))
    return offset


def _forbidden(new: Buffer, placed: Buffer, at: int) -> list[tuple[int, int]]:
    """Offsets strictly between two of a pair are not for `new`, since `placed` is at `at`."""
    low, high = at - new.size_bytes, at + placed.size_bytes
    overwrites, overwritten = new.lag(placed), placed.lag(new)
    if SAME_PLACE in (overwrites, overwritten):
        return [(low, at), (at, high)]
    if overwrites is not None:
        low = max(low, at - overwrites)
    if overwritten is not None:
        high = min(high, at + overwritten)
    return [(low, high)]


def top(offsets: dict[Buffer, int]) -> int:
    """The first byte behind all buffers."""
    return max((at + b.size_bytes for b, at in offsets.items()), default=0)
