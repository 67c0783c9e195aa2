"""How much each int8 operator differs from the float layer that it stands for.

An operator's output is compared with the float layer whose outputs on the same examples are nearest to it,
among those of its size: converters rename tensors and fuse layers, so names do not say. The noise that an
operator adds is its output's noise-to-signal ratio less the greatest of its inputs'.

Source:  signal-to-quantization-noise ratio, 10 log10(sum x^2 / sum (x - q)^2), x the float values
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.kinds import ACTIVATIONS, NORMALIZERS, TRAINING_ONLY
from edgeprune.tflite.graph import QuantGraph

Array = npt.NDArray[Any]

# A tensor that no float layer comes nearer to is a step inside a layer, such as the sigmoid of silu.
_LEAST_DB = 3.0
_BEHIND = ACTIVATIONS | NORMALIZERS | TRAINING_ONLY | {"Identity", "Rescaling"}


@dataclass(frozen=True)
class LayerError:
    """One operator: the float layer that it computes, and its noise.

    `layer` is the layer with the weights, `output` the last layer that the operator computes. `sqnr_db` is
    None where nothing is lost; `added_noise` is a noise-to-signal ratio.
    """

    layer: str
    output: str
    op: str
    sqnr_db: float | None
    added_noise: float


def layer_errors(
    graph: Graph, floats: Mapping[str, Array], quantized: QuantGraph, integers: Mapping[int, Array]
) -> tuple[LayerError, ...]:
    """Compare `floats`, by node of `graph`, with `integers`, by tensor of `quantized`; both (examples, …)."""
    candidates = {name: _rows(values) for name, values in floats.items()}
    noise = dict.fromkeys(quantized.inputs, 0.0)
    found = []
    for node in quantized.nodes:
        before = max((noise.get(index, 0.0) for index in node.inputs), default=0.0)
        for index in node.outputs:
            noise[index] = before
            tensor = quantized.tensors[index]
            if tensor.dtype != "int8" or tensor.quantization is None or index not in integers:
                continue
            real = (_rows(integers[index]) - tensor.zero_point) * tensor.scale
            match = _nearest(candidates, real)
            if match is None:
                continue
            name, noise[index] = match
            found.append(
                LayerError(
                    layer=_with_weights(graph, graph.by_name[name]).name,
                    output=name,
                    op=node.op,
                    sqnr_db=-10 * math.log10(noise[index]) if noise[index] > 0 else None,
                    added_noise=max(0.0, noise[index] - before),
                )
            )
    return tuple(found)


def worst_layers(errors: Sequence[LayerError], count: int = 3) -> tuple[str, ...]:
    """The layers that add most noise, the worst first."""
    order = sorted(errors, key=lambda error: -error.added_noise)
    return tuple(dict.fromkeys(error.layer for error in order if error.added_noise > 0))[:count]


def _rows(values: Array) -> Array:
    return np.asarray(values, np.float64).reshape(len(values), -1)


def _nearest(candidates: Mapping[str, Array], real: Array) -> tuple[str, float] | None:
    """The name of the float layer nearest to `real` and the noise-to-signal ratio; None if none is near."""
    best: tuple[str, float] | None = None
    for name, values in candidates.items():
        if values.shape != real.shape:
            continue
        signal = float(np.square(values).sum())
        ratio = float(np.square(values - real).sum()) / signal if signal > 0 else math.inf
        if best is None or ratio < best[1]:
            best = name, ratio
    return best if best is not None and best[1] < 10 ** (-_LEAST_DB / 10) else None


def _with_weights(graph: Graph, node: Node) -> Node:
    """The layer that a fused activation or normalisation belongs to."""
    while node.kind in _BEHIND and graph.by_name[node.inputs[0]].kind != "InputLayer":
        node = graph.by_name[node.inputs[0]]
    return node
