"""Method: a pruning criterion, and what it does before and after the cut.

    examples ──guide──► trained for sparsity ──score──► allocation ──select──► cut ──repair──► fine-tune

Only `score` is needed; a method whose structure is not "channels" has `masks` or a guide instead. All
methods run through the same plan, allocations and fine-tuning, so that a table of methods compares the
methods alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import FloatArray, Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.guide import Goal, Guide, Weights
from edgeprune.prune.layers import filter_axis

Scores = npt.NDArray[np.float64]
Score = Callable[[Evidence, ChannelGroup], Scores]
# Of a group, its scores and how many units to keep: the places of those that stay, rising.
Select = Callable[[Evidence, ChannelGroup, Scores, int], npt.NDArray[np.int64]]
# What goes: "channels" physically; "columns" of a kernel's im2col matrix and single "weights" become zero.
Structure = Literal["channels", "columns", "weights"]


class Cut(Protocol):
    """A cut network for `repair`: the plan's kept units by group, in the order of the groups."""

    @property
    def kept(self) -> tuple[npt.NDArray[np.int64], ...]: ...


Repair = Callable[[Evidence, Cut, Graph], Graph]


@dataclass(frozen=True)
class Method:
    """A pruning criterion.

    score          gives each unit of a group its importance, low goes first; comparable between groups:
                   an average unit of any group has about 1
    needs_examples it looks at examples
    guide          steers a part of the training before the cut, `guided_share` of all epochs
    select         which units of a group stay, where that is not those with the best scores
    repair         changes weights of the cut network from what the whole one computed
    structure      what goes
    masks          for columns and weights without a guide: 0/1 by kernel, so that about the goal's MACs stay
    allocation     the allocation that its authors used, or that suits it
    """

    name: str
    summary: str
    score: Score | None = None
    needs_examples: bool = False
    guide: Callable[[Goal], Guide] | None = None
    guided_share: float = 0.5
    select: Select | None = None
    repair: Repair | None = None
    structure: Structure = "channels"
    masks: Callable[[Goal], Weights] | None = None
    allocation: str = "global"


def filters(graph: Graph, layer: str) -> FloatArray:
    """The filters of a layer as rows, (output channels, weights of one filter)."""
    node = next(node for node in graph.nodes if node.layer == layer)
    weight, axis = filter_axis(node.kind)
    return np.moveaxis(node.weights[weight], axis, 0).reshape(node.shape[-1], -1)


def mean_over_layers(evidence: Evidence, group: ChannelGroup, norm: Callable[[FloatArray], Scores]) -> Scores:
    """Each unit's mean of `norm(filter) / mean norm in its layer`, over its filters in all layers.

    The division makes layers with many or large weights comparable with small ones, inside a group
    and between groups. A layer whose filters are all zero counts as 0.
    """
    made = {layer: norm(filters(evidence.graph, layer)) for layer in group.layers}
    relative = {layer: relative_to_mean(norms) for layer, norms in made.items()}
    return np.array([np.mean([relative[c.layer][c.index] for c in unit]) for unit in group.units])


def relative_to_mean(scores: Scores) -> Scores:
    """`scores` / their mean, so that an average unit has 1; all zero stays zero."""
    return scores / max(float(scores.mean()), np.finfo(np.float64).tiny)
