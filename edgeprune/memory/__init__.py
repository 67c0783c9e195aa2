"""Where every activation lives: one arena, planned before the network runs, and checked."""

from dataclasses import replace

from edgeprune.memory.check import check_plan, check_state
from edgeprune.memory.live import live_ranges
from edgeprune.memory.plan import MemoryPlan, Planner
from edgeprune.memory.slim import ALIGN_BYTES, slim
from edgeprune.ops import bind
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import QuantGraph


def plan_memory(graph: QuantGraph, planner: Planner, goal: Goal = PORTABLE) -> MemoryPlan:
    """Plan the arena of `graph` run by kernels for `goal`; the plan has passed the independent check."""
    nodes = bind(graph)
    picks = slim(graph, nodes, goal)
    live = live_ranges(graph, nodes, goal, picks)
    plan = replace(planner.plan(live.buffers, ALIGN_BYTES), picks=picks)
    check_state(graph, nodes, live.roots, live.silent)
    check_plan(live.buffers, plan.offsets, plan.align_bytes, plan.arena_bytes)
    return plan
