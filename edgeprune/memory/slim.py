"""Kernels that need less memory, in the layers where the arena is fullest.

The fastest kernel of a layer may want a scratch buffer, or more distance between its input and output,
than another one that is almost as fast. That matters only where memory peaks: there, and as long as
the whole network's predicted instructions rise by no more than the goal's allowance, the cheapest kernel
that lowers the peak is taken instead.
"""

from collections.abc import Mapping, Sequence

from edgeprune.memory.live import Liveness, live_ranges
from edgeprune.memory.plan import step_loads
from edgeprune.ops import BoundNode
from edgeprune.ops.choose import candidates, preferred
from edgeprune.ops.cores import Goal, Optimize
from edgeprune.tflite.graph import QuantGraph

# Kernels read activations a word at a time; int64 needs 8.
ALIGN_BYTES = 8
ALLOWANCE: Mapping[Optimize, float] = {"speed": 0.0, "balanced": 0.05, "size": 0.5}
"""How much slower a smaller arena may make the network."""
MAX_NODES = 512
"""Of larger networks every layer keeps its fastest kernel: planning them again and again takes too long."""


def slim(graph: QuantGraph, nodes: Sequence[BoundNode], goal: Goal) -> dict[int, str]:
    """Variants to take, by position among `nodes`, instead of those that `goal` would have."""
    if not goal.features or len(nodes) > MAX_NODES:
        return {}
    costs = [_costs(bound, goal) for bound in nodes]
    budget = ALLOWANCE[goal.optimize] * sum(min(each.values(), default=0.0) for each in costs)
    picks: dict[int, str] = {}
    live = live_ranges(graph, nodes, goal)
    while True:
        found = _improved(graph, nodes, goal, picks, live, costs, budget)
        if found is None:
            return picks
        picks, live, spent = found
        budget -= spent


def _costs(bound: BoundNode, goal: Goal) -> dict[str, float]:
    return {variant.name: variant.instructions(bound.params) for variant in candidates(bound, goal)}


def _improved(
    graph: QuantGraph,
    nodes: Sequence[BoundNode],
    goal: Goal,
    picks: dict[int, str],
    live: Liveness,
    costs: Sequence[dict[str, float]],
    budget: float,
) -> tuple[dict[int, str], Liveness, float] | None:
    """Another kernel in the fullest step, if one within `budget` lowers the load there."""
    load, step = max((load, -step) for step, load in step_loads(live.buffers, ALIGN_BYTES))
    if not 0 <= -step < len(live.steps):  # before the first kernel, or behind the last
        return None
    position = live.steps[-step].position
    own = costs[position]
    if not own:
        return None
    chosen = preferred(nodes[position], goal)
    assert chosen is not None  # there are candidates
    current = own[picks.get(position, chosen.name)]
    for name, cost in sorted(own.items(), key=lambda item: item[1]):
        if name == picks.get(position) or cost - current > budget:
            continue
        other = {**picks, position: name}
        changed = live_ranges(graph, nodes, goal, other)
        if dict(step_loads(changed.buffers, ALIGN_BYTES))[-step] < load:
            return other, changed, cost - current
    return None
