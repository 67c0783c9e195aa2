"""After the cut: kept channels re-weighted, constant ones folded into biases, and the error measured.

A removed channel whose input to a layer never changes, on the examples, leaves a constant behind in every
sum of it, which goes into the layer's bias; a layer without bias gets one. Where the layer pads, the
constant differs at the border: then it is left out, and the notes say so.

The error is what the layer's sums, for the inputs that it had in the whole network, are off by, before
any training: the median and the 99th percentile of |z' - z| / |z| on examples that the sensitivities did
not see. It takes the place of the bound where that promises nothing.

Source:  ALGORITHMS sections 2.5 and 2.8
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.graph.ir import Graph, Node
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.layers import kernel_inputs
from edgeprune.prune.pfp.sensitivity import (
    SMALLEST,
    Values,
    activations,
    input_units,
    readers,
    sample,
    sensitivities,
)
from edgeprune.prune.pfp.unfold import features_of, kernel_of, kernel_rows, reads_padding, unfold

_CHECKED = 16  # held-out examples that the error is measured on


@dataclass(frozen=True, eq=False)
class _Change:
    """What becomes of one layer's sums.

    factors    of each input feature, 0 for those removed
    constant   (outputs,) what is added
    folded     input features in `constant`
    unfolded   constant input features that padding kept out of it
    """

    factors: Values
    constant: Values
    folded: int
    unfolded: int


def repair(evidence: Evidence, factors: Sequence[Values], graph: Graph, *, fold: bool) -> Graph:
    """Change the cut `graph`; `factors` of all units by group, 0 for those removed.

    Leaves the measured errors and what was folded in `evidence.notes["repair"]`.
    """
    by_unit = np.concatenate([*factors, np.ones(1)])  # the last is what FIXED, -1, looks up
    calls = readers(evidence)
    changes = {layer: _change(evidence, nodes, by_unit, fold) for layer, nodes in calls.items()}
    evidence.notes["repair"] = {
        "relative_error": relative_errors(evidence, changes),
        "folded": {layer: c.folded for layer, c in changes.items() if c.folded},
        "constant_but_padded": {layer: c.unfolded for layer, c in changes.items() if c.unfolded},
    }
    nodes = []
    for node in graph.nodes:
        change = changes.get(node.layer)
        if change is not None:
            labels = evidence.channels.labels[calls[node.layer][0].name]
            node = _changed(node, change, by_unit[labels[(0,) * (labels.ndim - 1)]] != 0)
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _change(evidence: Evidence, calls: tuple[Node, ...], by_unit: Values, fold: bool) -> _Change:
    node = calls[0]
    factors = by_unit[input_units(evidence, node)]
    left = sensitivities(evidence)[node.layer].constants
    is_constant = (factors == 0) & np.isfinite(left) & (left != 0)
    count = int(is_constant.sum()) if fold else 0
    if count == 0 or any(map(reads_padding, calls)):
        return _Change(factors, np.zeros(node.shape[-1]), 0, count)
    rows = np.where(is_constant, left, 0.0)[features_of(node)]
    return _Change(factors, rows @ kernel_rows(node).astype(np.float64), count, 0)


def _changed(node: Node, change: _Change, stays: Values) -> Node:
    """A layer of the cut network with its kernel scaled and its bias moved; `stays` by output channel."""
    weight, axis = kernel_of(node)
    scale = kernel_inputs(node, change.factors[change.factors != 0]).astype(np.float32)
    kernel = node.weights[weight] * scale.reshape(len(scale), *(1,) * (-axis - 1))
    weights = {**node.weights, weight: kernel}
    config = dict(node.config)
    if change.folded:
        constant = change.constant[stays].astype(np.float32)
        weights["bias"] = weights.get("bias", np.zeros_like(constant)) + constant
        config["use_bias"] = True
    return replace(node, weights=weights, config=config)


def relative_errors(evidence: Evidence, changes: dict[str, _Change]) -> dict[str, object]:
    """Median and 99th percentile of |z' - z| / |z| by layer, z without bias, on held-out examples."""
    places = sample(evidence).held_out[:_CHECKED]
    calls = [node for nodes in readers(evidence).values() for node in nodes]
    found: dict[str, list[Values]] = {layer: [] for layer in changes}
    for node, x in activations(evidence, places, calls):
        change, parts = changes[node.layer], unfold(node, x)
        before = parts.kernel.T.astype(np.float64) @ parts.columns
        scaled = parts.kernel * change.factors[parts.features][:, None]
        after = scaled.T @ parts.columns + change.constant[:, None]
        counted = np.abs(before) > SMALLEST
        found[node.layer].append(np.abs(after - before)[counted] / np.abs(before)[counted])
    return {layer: _percentiles(np.concatenate(errors)) for layer, errors in found.items()}


def _percentiles(errors: Values) -> dict[str, float]:
    if not len(errors):
        return {}
    median, high = np.percentile(errors, [50, 99])
    return {"median": float(median), "p99": float(high)}
