"""Method: what a pruning criterion is, and how the filters of coupled layers make one score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import FloatArray, Graph
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.layers import filter_axis

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """A pruning criterion: `score` gives each unit of a group its importance, low goes first.

    Scores are comparable between groups: an average unit of any group has about 1.
    """

    name: str
    summary: str
    score: Callable[[Graph, ChannelGroup, np.random.Generator], Scores]


def filters(graph: Graph, layer: str) -> FloatArray:
    """The filters of a layer as rows, (output channels, weights of one filter)."""
    node = next(node for node in graph.nodes if node.layer == layer)
    weight, axis = filter_axis(node.kind)
    return np.moveaxis(node.weights[weight], axis, 0).reshape(node.shape[-1], -1)


def mean_over_layers(graph: Graph, group: ChannelGroup, norm: Callable[[FloatArray], Scores]) -> Scores:
    """Each unit's mean of `norm(filter) / mean norm in its layer`, over its filters in all layers.

    The division makes layers with many or large weights comparable with small ones, inside a group
    and between groups. A layer whose filters are all zero counts as 0.
    """
    relative = {}
    for layer in group.layers:
        norms = norm(filters(graph, layer))
        relative[layer] = norms / max(float(norms.mean()), np.finfo(np.float64).tiny)
    return np.array([np.mean([relative[c.layer][c.index] for c in unit]) for unit in group.units])
