"""Search: try several orders of placing, then improve the best by random moves.

Starts with greedy by size, by size times lifetime, by lifetime, by start, the last first (which puts
outputs below the inputs that they overwrite), the same with scratch buffers behind all others, and by
breadth (the buffers of the fullest step first). In the best two of these a buffer that reaches the top
of the arena, or any other, is then placed earlier; the new order is kept when the arena does not grow.
Ends when the lower bound is met or after `tries` orders, fewer for large networks (MAX_PAIRS). Never
worse than by_size, since that order is the first.

Cost:    O(tries n^2 log n) for n buffers; not proved optimal unless the lower bound is met
Source:  the orders by size and by breadth: Pisarchyk and Lee, 2020, arXiv:2001.03288; that lowest-gap
         placement in some order is optimal: see placement.py
Differs: the paper does not search
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgeprune.memory.placement import place_in_order, top
from edgeprune.memory.plan import Buffer, MemoryPlan, lower_bound_bytes, step_loads
from edgeprune.memory.planners.by_size import size_order

MAX_PAIRS = 50_000_000
"""Buffers squared times orders: about six seconds."""
STARTS = 2
"""So many of the first orders are improved, the best ones."""


def first_orders(buffers: list[Buffer], align_bytes: int) -> list[list[Buffer]]:
    """The orders to begin with; by_size's is the first."""
    by_size = size_order(buffers)
    fullest = {step: -load for step, load in step_loads(buffers, align_bytes)}

    def breadth(buffer: Buffer) -> int:
        return min(load for step, load in fullest.items() if buffer.start <= step < buffer.stop)

    return [
        by_size,
        sorted(by_size, key=lambda b: -b.size_bytes * (b.stop - b.start)),
        sorted(by_size, key=lambda b: b.start - b.stop),
        sorted(by_size, key=lambda b: b.start),
        sorted(by_size, key=lambda b: -b.start),
        sorted(by_size, key=lambda b: (b.stop - b.start == 1, -b.start)),
        sorted(by_size, key=breadth),
    ]


def moved(order: list[Buffer], offsets: dict[Buffer, int], rng: np.random.Generator) -> list[Buffer]:
    """`order` with one buffer placed earlier: every other time one at the top of the arena."""
    height = top(offsets)
    at_top = [i for i, b in enumerate(order) if offsets[b] + b.size_bytes == height]
    candidates = at_top if rng.integers(2) else range(len(order))
    taken = candidates[int(rng.integers(len(candidates)))]
    target = int(rng.integers(taken + 1))
    return [*order[:target], order[taken], *order[target:taken], *order[taken + 1 :]]


def search(
    buffers: Iterable[Buffer], align_bytes: int, tries: int, rng: np.random.Generator
) -> dict[Buffer, int]:
    """The best offsets found in at most `tries` orders."""
    known = list(buffers)
    if not known:
        return {}
    enough = lower_bound_bytes(known, align_bytes)
    orders = first_orders(known, align_bytes)
    plans = [place_in_order(order, align_bytes) for order in orders]
    ranked = sorted(range(len(plans)), key=lambda i: top(plans[i]))
    affordable = max(0, min(tries, MAX_PAIRS // len(known) ** 2) - len(orders))
    found = [plans[ranked[0]]]
    for first in ranked[:STARTS]:
        found.append(_improved(orders[first], plans[first], align_bytes, enough, affordable // STARTS, rng))
    return min(found, key=top)


def _improved(
    order: list[Buffer],
    offsets: dict[Buffer, int],
    align_bytes: int,
    enough: int,
    tries: int,
    rng: np.random.Generator,
) -> dict[Buffer, int]:
    """The best offsets found from one order by `tries` moves."""
    for _ in range(tries):
        if top(offsets) <= enough:
            break
        new_order = moved(order, offsets, rng)
        new_offsets = place_in_order(new_order, align_bytes)
        if top(new_offsets) <= top(offsets):
            order, offsets = new_order, new_offsets
    return offsets


@dataclass(frozen=True)
class Search:
    name: str = "search"
    tries: int = 2000
    seed: int = 0

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        """Place all buffers, offsets multiples of `align_bytes`."""
        rng = np.random.default_rng(self.seed)
        return MemoryPlan(search(buffers, align_bytes, self.tries, rng), align_bytes, self.name)


SEARCH = Search()
