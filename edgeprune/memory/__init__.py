"""Where every activation lives: one arena, planned before the network runs, and checked."""

from edgeprune.memory.check import check_plan
from edgeprune.memory.live import live_ranges
from edgeprune.memory.plan import MemoryPlan, Planner
from edgeprune.ops import bind
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import QuantGraph

# Kernels read activations a word at a time; int64 needs 8.
ALIGN_BYTES = 8


def plan_memory(graph: QuantGraph, planner: Planner, goal: Goal = PORTABLE) -> MemoryPlan:
    """Plan the arena of `graph` run by kernels for `goal`; the plan has passed the independent check."""
    buffers = live_ranges(graph, bind(graph), goal).buffers
    plan = planner.plan(buffers, ALIGN_BYTES)
    check_plan(buffers, plan.offsets, plan.align_bytes, plan.arena_bytes)
    return plan
