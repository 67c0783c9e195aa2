"""The kernels whose single weights can go, and what each weight costs.

Those are the kernels of convolutions, of separable ones the pointwise part. Depthwise kernels stay whole:
they have few weights, and each channel depends on its own. Dense layers stay whole too, as speed-ups of
such networks are counted in MACs of convolutions.
"""

from collections.abc import Mapping
from math import prod

from edgeprune.errors import BudgetError
from edgeprune.graph.cost import count
from edgeprune.graph.ir import Graph, Node
from edgeprune.prune.guide import WeightKey

_KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Conv1DTranspose": "kernel",
    "Conv2DTranspose": "kernel",
    "SeparableConv1D": "pointwise_kernel",
    "SeparableConv2D": "pointwise_kernel",
}


def convolution_macs(graph: Graph) -> int:
    """The MACs of all convolutions, depthwise ones included."""
    return sum(node.macs for node in count(graph).nodes if "Conv" in node.kind)


def macs_per_weight(graph: Graph) -> Mapping[WeightKey, int]:
    """The kernels that can be thinned, in graph order, and the MACs of one of their weights.

    A layer that is called twice runs each weight at the positions of both calls.
    """
    found: dict[WeightKey, int] = {}
    for node in graph.nodes:
        if node.kind in _KERNELS:
            key = node.layer, _KERNELS[node.kind]
            found[key] = found.get(key, 0) + _positions(graph, node)
    return found


def _positions(graph: Graph, node: Node) -> int:
    """How often the kernel is applied: at each place of the output, or of a transposed one's input."""
    shape = graph.by_name[node.inputs[0]].shape if "Transpose" in node.kind else node.shape
    return prod(shape[:-1])


def macs_to_lose(graph: Graph, speedup: float) -> int:
    """How many MACs of convolutions must go; raises BudgetError when the thinnable kernels have fewer."""
    total = convolution_macs(graph)
    sizes = {(node.layer, name): array.size for node in graph.nodes for name, array in node.weights.items()}
    most = sum((sizes[key] - 1) * macs for key, macs in macs_per_weight(graph).items())
    wanted = total - int(total / speedup * (1 + 1e-12))
    if wanted > most:
        raise BudgetError(
            f"a speed-up of {speedup:g} is out of reach: {wanted} of the {total} MACs of convolutions would "
            f"have to go, and {most} can",
            hint="ask for less, or choose a method that removes channels",
        )
    return wanted
