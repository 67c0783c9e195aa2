"""Exact: the smallest arena there is, proved, for networks small enough; else what search finds.

Goes through all orders of placing, depth first: partial plans that are as high as the best whole plan
are cut, and partial plans met before, through another order, are not gone through again. Some order
gives the best plan (placement.py), so when all are exhausted the best plan is optimal, which the plan
then states as its lower bound.

Cost:    exponential in the number of buffers; gives up after MAX_STATES partial plans
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgeprune.memory.placement import lowest, top
from edgeprune.memory.plan import Buffer, MemoryPlan, lower_bound_bytes
from edgeprune.memory.planners.search import SEARCH
from edgeprune.ops.overlap import SAME_PLACE

MAX_STATES = 30_000
"""About two seconds."""


class _Exhaustion:
    """The depth-first walk; `best` is the lowest plan so far, `is_proved` whether none is lower."""

    def __init__(self, buffers: list[Buffer], align_bytes: int, best: dict[Buffer, int]) -> None:
        self._buffers = sorted(buffers, key=lambda b: (-b.size_bytes, b.start, b.name))
        self._align_bytes = align_bytes
        self._seen: set[frozenset[tuple[str, int]]] = set()
        self.best = best
        self.is_proved = self._descend({})

    def _descend(self, placed: dict[Buffer, int]) -> bool:
        if len(placed) == len(self._buffers):
            self.best = dict(placed)
            return True
        for buffer in self._buffers:
            if buffer in placed:
                continue
            offset = lowest(buffer, placed, self._align_bytes)
            if offset + buffer.size_bytes > top(self.best) - 1:
                continue
            further = {**placed, buffer: offset}
            key = frozenset((b.name, at) for b, at in further.items())
            if key in self._seen:
                continue
            if len(self._seen) == MAX_STATES:
                return False
            self._seen.add(key)
            if not self._descend(further):
                return False
        return True


@dataclass(frozen=True)
class Exact:
    name: str = "exact"

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        """Place all buffers, offsets multiples of `align_bytes`."""
        known = list(buffers)
        found = dict(SEARCH.plan(known, align_bytes).offsets)
        if top(found) <= lower_bound_bytes(known, align_bytes):
            return MemoryPlan(found, align_bytes, self.name, is_optimal=True)
        exhaustion = _Exhaustion(known, align_bytes, found)
        # Where two buffers may share a place only exactly, orders need not reach every plan.
        is_rigid = any(lag == SAME_PLACE for buffer in known for _, lag in buffer.over)
        is_proved = exhaustion.is_proved and not is_rigid
        return MemoryPlan(exhaustion.best, align_bytes, self.name, is_optimal=is_proved)


EXACT = Exact()
