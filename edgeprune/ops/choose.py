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


def preferred(bound: BoundNode, goal: Goal) -> Variant[Any] | None:
    """The variant that `goal` would have: the fastest, or the smallest; None where the core has none."""
    found = candidates(bound, goal)
    if not found:
        return None
    if goal.optimize != "size":
        return min(found, key=lambda variant: variant.instructions(bound.params))

    def size(variant: Variant[Any]) -> tuple[int, float]:
        call = variant.kernel(bound.params, bound.node)
        return call.constant_bytes, variant.instructions(bound.params)

    return min(found, key=size)


def choose(bound: BoundNode, goal: Goal, pick: str | None = None) -> KernelCall:
    """The kernel call of `bound`; the operator's portable kernel where the core has no variant.

    `pick` names the variant to take instead of what the goal would have.
    """
    named = [variant for variant in bound.op.variants if variant.name == pick]
    variant = named[0] if named else preferred(bound, goal)
    return (variant or bound.op).kernel(bound.params, bound.node)
