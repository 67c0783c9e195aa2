"""A Graph with its batch norms folded into the layers before them, and without its last softmax.

In evaluation mode a batch norm multiplies and shifts each channel; a convolution or dense layer in front,
heard by nobody else, can do that itself. Norms of weights mean something only then, since a batch norm
takes any scale of the weights before it back. Other batch norms (after an addition, say) stay.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.prune.layers import SLICES, activation_name

_FOLDABLE = frozenset(SLICES) - {"BatchNormalization"}


def fold(graph: Graph) -> Graph:
    """The same function with as few batch norms as can be; a folded one becomes an Identity."""
    calls: dict[str, int] = {}
    for node in graph.nodes:
        calls[node.layer] = calls.get(node.layer, 0) + 1
    changed: dict[str, Node] = {}
    for node in graph.nodes:
        if node.kind != "BatchNormalization" or calls[node.layer] > 1:
            continue
        before = graph.by_name[node.inputs[0]]
        is_alone = len(graph.users[before.name]) == 1 and before.name not in graph.outputs
        is_plain = activation_name(before) == "linear" and calls[before.layer] == 1
        if before.kind in _FOLDABLE and is_alone and is_plain and _is_last_axis(node):
            changed[before.name] = _absorb(before, node)
            config = {"name": node.layer}
            changed[node.name] = replace(node, kind="Identity", config=config, weights={})
    nodes = tuple(changed.get(node.name, node) for node in graph.nodes)
    return Graph(graph.name, nodes, graph.inputs, graph.outputs)


def _is_last_axis(node: Node) -> bool:
    axis = node.config.get("axis", -1)
    return int(axis[0] if isinstance(axis, list | tuple) else axis) in (-1, len(node.shape))


def _absorb(layer: Node, norm: Node) -> Node:
    """`layer` with the scale and shift of `norm` in its own weights."""
    variance = norm.weights["moving_variance"].astype(np.float64)
    scale = norm.weights.get("gamma", np.float64(1)) / np.sqrt(variance + norm.config.get("epsilon", 1e-3))
    bias = layer.weights.get("bias", np.zeros(len(variance)))
    shift = (bias - norm.weights["moving_mean"]) * scale + norm.weights.get("beta", 0.0)
    name = next(n for n in ("pointwise_kernel", "kernel", "depthwise_kernel") if n in layer.weights)
    kernel = layer.weights[name].astype(np.float64)
    if layer.kind.startswith("Depthwise"):
        kernel = kernel * scale.reshape(kernel.shape[-2:])
    elif layer.kind.endswith("Transpose"):
        kernel = kernel * scale[:, None]
    else:
        kernel = kernel * scale
    weights = {**layer.weights, name: _single(kernel), "bias": _single(shift)}
    return replace(layer, config={**layer.config, "use_bias": True}, weights=weights)


def expose_graph_scores(graph: Graph) -> Graph:
    """The graph without the softmax or sigmoid of its output, whose sum would say nothing."""
    ends = {name: graph.by_name[name] for name in graph.outputs}
    changed = {}
    for name, node in ends.items():
        if node.kind == "Softmax":
            changed[name] = replace(node, kind="Identity", config={"name": node.layer})
        elif activation_name(node) in ("softmax", "sigmoid"):
            changed[name] = replace(node, config={**node.config, "activation": "linear"})
    nodes = tuple(changed.get(node.name, node) for node in graph.nodes)
    return Graph(graph.name, nodes, graph.inputs, graph.outputs)


def kernels(graph: Graph) -> list[npt.NDArray[np.float64]]:
    """The kernels of a network's layers, each once, as matrices: (everything else, outputs).

    A depthwise kernel has a row of outputs for each channel, so it is (window, channels).
    """
    found: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
    for node in graph.nodes:
        for name, array in node.weights.items():
            if node.kind in _FOLDABLE and name.endswith("kernel"):
                found[node.layer, name] = _matrix(node, name, array.astype(np.float64))
    return list(found.values())


def _matrix(node: Node, name: str, kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if node.kind.startswith("Depthwise") or name == "depthwise_kernel":
        return kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1])
    if node.kind.endswith("Transpose"):
        kernel = np.moveaxis(kernel, -1, -2)
    return kernel.reshape(-1, kernel.shape[-1])


def _single(array: npt.NDArray[np.float64]) -> FloatArray:
    return array.astype(np.float32)
