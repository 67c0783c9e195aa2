"""Magnitude: single weights, the smallest of all convolutions at once, become zero.

No kernel of ours is faster for it: the row is in the table to show what unstructured sparsity would keep
of the accuracy at the same MACs. Depthwise kernels and dense layers stay whole.

Source:  Han et al., "Learning both Weights and Connections for Efficient Neural Networks", 2015,
         arXiv:1506.02626, section 3.1
Cost:    one sort of all weights
Differs: one threshold for the network, the paper has one a layer; one shot; each kernel keeps its largest
         weight, so that no layer vanishes
"""

import numpy as np

from edgeprune.graph.ir import FloatArray, Graph
from edgeprune.prune.guide import Array, Goal, Weights
from edgeprune.prune.kernels import macs_per_weight, macs_to_lose
from edgeprune.prune.methods.base import Method


def masks(goal: Goal) -> Weights:
    """0/1 by kernel: the fewest smallest weights go that leave at most 1 / speed-up of the MACs."""
    graph = goal.evidence.graph
    costs = macs_per_weight(graph)
    kernels = [_kernel(graph, *key) for key in costs]
    sizes = [_without_largest(np.abs(kernel).ravel()) for kernel in kernels]
    macs = np.concatenate(
        [np.zeros(0), *(np.full(s.size, c) for s, c in zip(sizes, costs.values(), strict=True))]
    )
    order = np.argsort(np.concatenate([np.zeros(0), *sizes]), kind="stable")
    lost = np.searchsorted(np.cumsum(macs[order]), macs_to_lose(graph, goal.speedup)) + 1
    held = np.ones(len(order), np.float32)
    held[order[: lost if goal.speedup > 1 else 0]] = 0
    parts = np.split(held, np.cumsum([size.size for size in sizes])[:-1])
    found: dict[tuple[str, str], Array] = {
        key: part.reshape(kernel.shape) for key, part, kernel in zip(costs, parts, kernels, strict=True)
    }
    return found


def _without_largest(size: Array) -> Array:
    """The sizes with the largest as infinity: it goes last."""
    marked = size.astype(np.float64)
    marked[size.argmax()] = np.inf
    return marked


def _kernel(graph: Graph, layer: str, name: str) -> FloatArray:
    return next(node.weights[name] for node in graph.nodes if node.layer == layer)


MAGNITUDE = Method("magnitude", "smallest single weights become zero", structure="weights", masks=masks)
