"""A network as JSON values."""

from typing import Any

from edgeprune.graph.cost import Zeros, count
from edgeprune.graph.ir import Graph


def describe_network(graph: Graph, zeros: Zeros | None = None) -> dict[str, Any]:
    """Shapes and cost of a Graph as JSON values; some `zeros` of its kernels do not count."""
    cost = count(graph, zeros)
    return {
        "inputs": [list(graph.by_name[name].shape) for name in graph.inputs],
        "outputs": [list(graph.by_name[name].shape) for name in graph.outputs],
        "macs": cost.macs,
        "params": cost.parameters,
        "layers": [
            {
                "name": node.name,
                "kind": node.kind,
                "macs": cost.by_node[node.name].macs,
                "params": cost.by_node[node.name].parameters,
            }
            for node in graph.nodes
        ],
    }
