"""Which kernel runs a node: the fastest, or the smallest, of those that the core has."""

from typing import Any

from edgeprune.ops import BoundNode
from edgeprune.ops.base import KernelCall, Variant
from edgeprune.ops.cores import Goal


def candidates(bound: BoundNode, goal: Goal) -> list[Variant[Any]]:
    """The variants that can run `bound` on the goal's core, larger ones only where speed is asked for."""
    return [
        variant
        for variant in bound.op.variants
        if variant.needs in goal.features
        and (goal.optimize == "speed" or not variant.is_larger)
        and variant.fits(bound.params)
    ]


def choose(bound: BoundNode, goal: Goal, pick: str | None = None) -> KernelCall:
    """The kernel call of `bound`; the operator's portable kernel where the core has no variant.

    `pick` names the variant to take instead of what the goal would have.
    """
    found = [v for v in candidates(bound, goal) if pick in (None, v.name)]
    if not found:
        return bound.op.kernel(bound.params, bound.node)
    costs = [variant.instructions(bound.params) for variant in found]
    if goal.optimize != "size":
        return found[costs.index(min(costs))].kernel(bound.params, bound.node)
    calls = [variant.kernel(bound.params, bound.node) for variant in found]
    by_size = sorted(range(len(found)), key=lambda i: (calls[i].constant_bytes, costs[i]))
    return calls[by_size[0]]
