"""Greedy by size: place the largest buffer first, each at the lowest gap that fits.

Cost:    O(n^2 log n) for n buffers; not optimal
Source:  Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
         2020, arXiv:2001.03288, "Greedy by Size for Offset Calculation"
Differs: takes the lowest gap that fits; the paper takes the smallest
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgeprune.memory.placement import place_in_order
from edgeprune.memory.plan import Buffer, MemoryPlan


def size_order(buffers: Iterable[Buffer]) -> list[Buffer]:
    """Largest first; ties by start, then by name, so that equal inputs give equal plans."""
    return sorted(buffers, key=lambda b: (-b.size_bytes, b.start, b.name))


@dataclass(frozen=True)
class BySize:
    name: str = "by_size"

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        """Place all buffers, offsets multiples of `align_bytes`."""
        return MemoryPlan(place_in_order(size_order(buffers), align_bytes), align_bytes, self.name)


BY_SIZE = BySize()
