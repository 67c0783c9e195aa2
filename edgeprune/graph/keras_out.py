"""A Graph as a Keras model again: each layer built from its configuration, then given its weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeprune.errors import InternalError
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.kinds import KINDS, MERGES


def layer_of(node: Node) -> Any:
    """The Keras layer of a node, without weights."""
    import keras

    if node.kind not in KINDS:
        raise InternalError(f"node {node.name!r} has the unknown kind {node.kind!r}")
    config = {**_thaw(node.config), "name": node.layer}
    if node.kind == "LayerScale":
        from keras.src.applications.convnext import LayerScale

        return LayerScale.from_config(config)
    return getattr(keras.layers, node.kind).from_config(config)


def to_keras(
    graph: Graph, batch_size: int | None = None, make_layer: Callable[[Node], Any] = layer_of
) -> Any:
    """Build a `keras.Model` that computes `graph`; `batch_size` fixes the batch dimension of its inputs.

    `make_layer` may make another layer with the same weights. Raises InternalError where weights and
    configuration of a node disagree.
    """
    import keras

    tensors: dict[str, Any] = {}
    layers: dict[str, Any] = {}
    for node in graph.nodes:
        if node.kind == "InputLayer":
            tensors[node.name] = keras.Input(node.shape, batch_size, name=node.name)
            continue
        first = node.layer not in layers
        if first:
            layers[node.layer] = make_layer(node)
        inputs = [tensors[name] for name in node.inputs]
        tensors[node.name] = layers[node.layer](inputs if node.kind in MERGES else inputs[0])
        _check_shape(node, tensors[node.name])
        if first:
            _set_weights(node, layers[node.layer])
    inputs = [tensors[name] for name in graph.inputs]
    outputs = [tensors[name] for name in graph.outputs]
    return keras.Model(_single(inputs), _single(outputs), name=graph.name)


def named_weights(layer: Any) -> list[tuple[str, Any]]:
    """The weights of a Keras layer with the names that a Graph gives them: Keras's, where it gives names."""
    if type(layer).__name__ == "LayerScale":
        return [("gamma", layer.gamma)]
    return [(weight.name, weight) for weight in layer.weights]


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _thaw(value: Any) -> Any:
    """A deep copy that Keras may change."""
    if isinstance(value, Mapping):
        return {key: _thaw(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_thaw(inner) for inner in value]
    return value


def _check_shape(node: Node, tensor: Any) -> None:
    if tuple(tensor.shape[1:]) != node.shape:
        raise InternalError(f"node {node.name!r} says shape {node.shape}, Keras {tuple(tensor.shape[1:])}")


def _set_weights(node: Node, layer: Any) -> None:
    variables = {} if node.kind == "Normalization" else dict(named_weights(layer))
    if set(variables) != set(node.weights):
        raise InternalError(f"node {node.name!r} has {sorted(node.weights)}, Keras {sorted(variables)}")
    for name, variable in variables.items():
        value = np.asarray(node.weights[name])
        if tuple(variable.shape) != value.shape:
            raise InternalError(
                f"node {node.name!r} has a {name} of shape {value.shape}, Keras {tuple(variable.shape)}"
            )
        variable.assign(value)
