"""Graph: the float network as frozen data: nodes in topological order, NHWC, weights included.

A Node is one call of one Keras layer; nested models are flattened into it. `graph/keras_in.py`
makes a Graph from a Keras model and `graph/keras_out.py` makes a Keras model from a Graph, so that
whatever changes a network (pruning) is a function from Graph to Graph and needs no TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Node:
    """One layer call.

    name     unique in the graph
    kind     the Keras class: "Conv2D", "Add", "InputLayer", …
    inputs   names of the nodes whose outputs it takes, in order
    shape    of its output, without the batch dimension
    config   the layer's Keras configuration (JSON values)
    weights  by Keras's names: kernel, bias, depthwise_kernel, gamma, beta, moving_mean, …
    layer    identity of the layer: nodes that share it share weights (a layer called twice)
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape
    config: Mapping[str, Any]
    weights: Mapping[str, FloatArray]
    layer: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    @property
    def parameters(self) -> int:
        return sum(int(array.size) for array in self.weights.values())


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole network; `inputs` and `outputs` are node names."""

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return MappingProxyType({node.name: node for node in self.nodes})

    @cached_property
    def users(self) -> Mapping[str, tuple[Node, ...]]:
        """For each node, the nodes that take its output, in order."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                found[source].append(node)
        return MappingProxyType({name: tuple(users) for name, users in found.items()})

    @property
    def parameters(self) -> int:
        """Weights of the network, a shared layer counted once."""
        layers = {node.layer: node.parameters for node in self.nodes}
        return sum(layers.values())
