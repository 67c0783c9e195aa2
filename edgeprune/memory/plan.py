"""Buffers, and where they are in the arena."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Buffer:
    """Bytes that are needed in the steps `start <= step < stop`; the name tells buffers apart.

    `over` names buffers whose last step is this one's first, and that this one may overwrite while
    they are read, provided they begin so many bytes (0 or more) above it, or, for SAME_PLACE of
    ops/overlap.py, exactly where it begins.
    """

    name: str
    size_bytes: int
    start: int
    stop: int
    over: tuple[tuple[str, int], ...] = ()

    def lag(self, other: "Buffer") -> int | None:
        """How far above this buffer `other` must begin to share bytes with it; None: it may not."""
        return next((lag for name, lag in self.over if name == other.name), None)

    def meets(self, other: "Buffer") -> bool:
        """Whether there is a step in which both are needed."""
        return self.start < other.stop and other.start < self.stop


@dataclass(frozen=True)
class MemoryPlan:
    """The offset of each buffer in the arena; `planner` is who decided it, and perhaps proved it best.

    `picks` are the kernels that the plan is for where they are not what the goal would have.
    """

    offsets: Mapping[Buffer, int]
    align_bytes: int
    planner: str = ""
    is_optimal: bool = False
    picks: Mapping[int, str] = field(default_factory=dict)

    @property
    def arena_bytes(self) -> int:
        """What the arena must have; never 0, since C has no empty arrays."""
        ends = [offset + buffer.size_bytes for buffer, offset in self.offsets.items()]
        return round_up(max(ends, default=1), self.align_bytes)

    @property
    def lower_bound_bytes(self) -> int:
        """No plan of these buffers can do with less."""
        if self.is_optimal:
            return self.arena_bytes
        return max((load for _, load in self._loads()), default=self.align_bytes)

    @property
    def peak_step(self) -> int:
        """The first step that needs `lower_bound_bytes`; -1 is before the first kernel."""
        return min((-load, step) for step, load in self._loads())[1]

    def _loads(self) -> Iterable[tuple[int, int]]:
        return step_loads(self.offsets, self.align_bytes)


class Planner(Protocol):
    """Places buffers: what the entries of PLANNERS can do."""

    @property
    def name(self) -> str: ...

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        """Place all buffers, offsets multiples of `align_bytes`."""
        ...


def step_loads(buffers: Iterable[Buffer], align_bytes: int) -> list[tuple[int, int]]:
    """The bytes needed, each buffer rounded up, in every step in which that can have grown.

    It grows where a buffer starts, less what that may share with those that it overwrites, and in the
    step behind, where nothing is shared any more. So the largest of these is the largest of all.
    """
    known = list(buffers)
    loads = []
    behind = {b.start + 1 for b in known if b.over and b.stop > b.start + 1}
    for step in sorted({b.start for b in known} | behind):
        live = [b for b in known if b.start <= step < b.stop]
        needed = sum(round_up(b.size_bytes, align_bytes) for b in live)
        loads.append((step, needed - sum(_shared(b, live, align_bytes) for b in live if b.start == step)))
    return loads


def _shared(buffer: Buffer, live: list[Buffer], align_bytes: int) -> int:
    """At most so many bytes of `buffer`, rounded up, can lie in those that it may overwrite."""
    size = round_up(buffer.size_bytes, align_bytes)
    shared = 0
    for other in live:
        lag = buffer.lag(other)
        if lag is not None:
            shared += max(0, min(size - round_up(lag, align_bytes), round_up(other.size_bytes, align_bytes)))
    return min(size, shared)


def lower_bound_bytes(buffers: Iterable[Buffer], align_bytes: int) -> int:
    """The largest load of a step: no plan can do with less."""
    return max((load for _, load in step_loads(buffers, align_bytes)), default=0)
