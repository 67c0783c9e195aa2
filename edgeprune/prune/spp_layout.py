"""What structured probabilistic pruning masks: columns, input channels, or units of filters, as groups.

A `Part` is the groups of one layer (or of one ChannelGroup), ranked against each other. It says how
important each is, which weights hold it, and which weights read it. The rest of the method does not know
what a group is.

A column is one (row, column, input channel) of a kernel, over all filters. All Conv1D and Conv2D take part
but those with several groups; depthwise convolutions have one channel a filter, so they have no columns.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from edgeprune.errors import UsageError
from edgeprune.graph.cost import COLUMN_KINDS, count
from edgeprune.graph.ir import FloatArray, Graph
from edgeprune.prune.apply import cut
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence, Slice
from edgeprune.prune.guide import Array, Goal, WeightKey, Weights
from edgeprune.prune.layers import filter_axis
from edgeprune.prune.spp import Flags, Values, groups_to_remove
from edgeprune.prune.spp_ratios import Kernel, kept_shares

ColumnGroups = Literal["columns", "channels"]

_FIXED_WEIGHTS = ("moving_mean", "moving_variance")


@dataclass(frozen=True, eq=False)
class Handle:
    """How the groups lie in one weight: `spread(per group, other)` broadcasts against it."""

    key: WeightKey
    spread: Callable[[Array, float], FloatArray]


@dataclass(frozen=True, eq=False)
class Part:
    """The groups of one layer, `target` of which are to go.

    norms    importance of each group in the weights now, (groups,)
    holds    the weights that a masked group has at zero
    scales   the weights whose scaling scales what a group contributes to the network
    """

    name: str
    groups: int
    target: int
    norms: Callable[[Weights], Values]
    holds: tuple[Handle, ...]
    scales: tuple[Handle, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """All parts; `macs(dead flags of each part)` is what the network then costs, `limit` what it may cost.

    With `has_units` the parts are the channel groups of the network, in their order.
    """

    parts: tuple[Part, ...]
    macs: Callable[[Sequence[Flags]], float]
    limit: float
    has_units: bool = False


def weight_of(weights: Weights, key: WeightKey) -> Array:
    """A master weight; raises UsageError when the layer does not train it."""
    if key not in weights:
        raise UsageError(
            f"{key[1]} of layer {key[0]} is not trained, and this method prunes while it trains",
            hint=f"set layer.trainable = True, or leave it alone with --keep {key[0]}",
        )
    return weights[key]


def columns(goal: Goal, groups: ColumnGroups = "columns") -> Layout:
    """Columns of all convolutions, or all columns of an input channel together.

    Shares by `goal.allocation`; raises UsageError when it has none for columns, BudgetError when
    `goal.speedup` is out of reach.
    """
    graph = goal.evidence.graph
    kernels = _kernels(graph, groups)
    rest = _convolution_macs(graph) - sum(kernel.macs for kernel in kernels)
    kept = kept_shares(goal, kernels, rest)
    per_group = [kernel.macs / kernel.groups for kernel in kernels]
    parts = []
    for kernel, share in zip(kernels, kept, strict=True):
        target = min(kernel.groups - 1, groups_to_remove(1 - share, kernel.groups))
        handle = Handle((kernel.layer, "kernel"), partial(_spread, kernel.shape))
        parts.append(
            Part(kernel.layer, kernel.groups, target, partial(_column_norms, kernel), (handle,), (handle,))
        )

    def macs(dead: Sequence[Flags]) -> float:
        lives = (np.count_nonzero(~flags) for flags in dead)
        return rest + sum(cost * live for cost, live in zip(per_group, lives, strict=True))

    return Layout(tuple(parts), macs, _convolution_macs(graph) / goal.speedup)


def _kernels(graph: Graph, groups: ColumnGroups) -> list[Kernel]:
    """The kernels that have columns; a layer that is called twice once, with the MACs of both calls."""
    cost, found = count(graph), dict[str, Kernel]()
    for node in graph.nodes:
        if node.kind not in COLUMN_KINDS or node.config.get("groups", 1) != 1:
            continue
        taps = node.weights["kernel"].shape[:-1]
        shape = (*taps, 1) if groups == "columns" else (*(1,) * (len(taps) - 1), taps[-1], 1)
        before = found[node.layer].macs if node.layer in found else 0
        macs = before + cost.by_node[node.name].macs
        found[node.layer] = Kernel(node.layer, node.weights["kernel"], shape, macs)
    return list(found.values())


def _convolution_macs(graph: Graph) -> int:
    return sum(node.macs for node in count(graph).nodes if "Conv" in node.kind)


def _spread(shape: tuple[int, ...], per_group: Array, other: float) -> FloatArray:
    return np.asarray(per_group, np.float32).reshape(shape)


def _column_norms(kernel: Kernel, weights: Weights) -> Values:
    return kernel.norms(weight_of(weights, (kernel.layer, "kernel")))


def units(goal: Goal) -> Layout:
    """The units of all channel groups: filters that can only go together, with biases and normalisation."""
    evidence = goal.evidence
    parts = tuple(
        _unit_part(evidence, group, len(group.units) - kept)
        for group, kept in zip(evidence.channels.groups, goal.kept, strict=True)
    )

    def macs(dead: Sequence[Flags]) -> float:
        gone = np.concatenate([np.zeros(0, dtype=bool), *dead])
        return count(cut(evidence.graph, evidence.channels, gone)).macs

    return Layout(parts, macs, count(evidence.graph).macs / goal.speedup, has_units=True)


def _unit_part(evidence: Evidence, group: ChannelGroup, target: int) -> Part:
    trained = [s for s in evidence.slices(group) if s.weight not in _FIXED_WEIGHTS]
    handles = {
        side: tuple(Handle((s.node.layer, s.weight), s.spread) for s in trained if s.side == side)
        for side in ("out", "in")
    }
    # Both kernels of a separable convolution belong to what it reads: one of them scales it.
    readers = tuple(handle for handle in handles["in"] if handle.key[1] != "pointwise_kernel")
    filters = [s for s in trained if _holds_filters(group, s)]
    norms = partial(_unit_norms, filters, len(group.units))
    return Part(group.name, len(group.units), target, norms, handles["out"], readers)


def _holds_filters(group: ChannelGroup, part: Slice) -> bool:
    if part.side != "out" or part.node.layer not in group.layers:
        return False
    return (part.weight, part.axis) == filter_axis(part.node.kind)


def _unit_norms(filters: Sequence[Slice], groups: int, weights: Weights) -> Values:
    """Mean over a unit's filters of L1 norm / mean L1 norm of the filter's layer, as method l1 scores."""
    total, number = np.zeros(groups), np.zeros(groups)
    for part in filters:
        rows = part.rows(weight_of(weights, (part.node.layer, part.weight)))
        norms = np.abs(rows).sum(axis=1, dtype=np.float64)
        relative = norms / max(float(norms.mean()), np.finfo(np.float64).tiny)
        total += part.sum_by_unit(relative, groups)
        number += part.sum_by_unit(np.ones(len(relative)), groups)
    return total / np.maximum(number, 1)


def product(handles: Iterable[tuple[Handle, Array]]) -> dict[WeightKey, FloatArray]:
    """For each weight, the product of what is spread over it."""
    found: dict[WeightKey, FloatArray] = {}
    for handle, per_group in handles:
        values = handle.spread(per_group, 1.0)
        found[handle.key] = found[handle.key] * values if handle.key in found else values
    return found


def total(handles: Iterable[tuple[Handle, Array]]) -> dict[WeightKey, FloatArray]:
    """For each weight, the sum of what is spread over it."""
    found: dict[WeightKey, FloatArray] = {}
    for handle, per_group in handles:
        values = handle.spread(per_group, 0.0)
        found[handle.key] = found[handle.key] + values if handle.key in found else values
    return found
