"""Scratch: the shape that L1 would leave, trained from random weights; what the old weights were worth.

A pruning method that does not beat this row has found an architecture at best, and no weights. It needs
more epochs than fine-tuning to be a fair rival. Layers that are not trained keep their weights.

Source:  Liu et al., "Rethinking the Value of Network Pruning", 2019, arXiv:1810.05270, section 3
Differs: the same number of epochs as the other methods get, which is less than its "scratch-E"; fresh
         weights come from each layer's own initializers, or from Keras's where they were the user's code
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Cut, Method
from edgeprune.prune.methods.l1 import score

_NAMES = {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}


def repair(evidence: Evidence, cut: Cut, graph: Graph) -> Graph:
    """The cut graph with fresh weights in every layer that is trained, drawn in graph order."""
    fresh: dict[str, Mapping[str, FloatArray]] = {}
    for node in graph.nodes:
        if node.layer not in fresh:
            fresh[node.layer] = _fresh(node, evidence.rng)
    return replace(graph, nodes=tuple(replace(n, weights=fresh[n.layer]) for n in graph.nodes))


def _fresh(node: Node, rng: np.random.Generator) -> Mapping[str, FloatArray]:
    """A node's weights, drawn anew."""
    from edgeprune.graph.keras_out import layer_of

    if not node.weights or not node.config.get("trainable", True):
        return node.weights
    if node.kind == "LayerScale":
        return {"gamma": np.full(node.shape[-1:], node.config["init_values"], np.float32)}
    layer = layer_of(node)
    found: dict[str, FloatArray] = {}
    for name, array in node.weights.items():
        is_depthwise = node.kind.startswith("Depthwise") and name == "kernel"
        role = "depthwise" if is_depthwise else _NAMES.get(name, name)
        initializer = getattr(layer, f"{role}_initializer")
        config = initializer.get_config()
        if "seed" in config:
            initializer = type(initializer)(**{**config, "seed": int(rng.integers(2**31))})
        found[name] = np.asarray(initializer(array.shape), np.float32)
    return found


SCRATCH = Method("scratch", "the shape of l1, trained from random weights", score, repair=repair)
