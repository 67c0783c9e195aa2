"""A Keras model as a Graph: nested models flattened, every layer call a node, weights copied.

Names are kept. A layer inside a nested model whose name is taken gets that model's name in front; the
second call of a shared layer is NAME_2. Only layers of `kinds.KINDS` pass, so a Graph holds no code.
Axes that count channels are stored as -1, which pruning and the checks rely on.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.graph import keras_ops
from edgeprune.graph.ir import FloatArray, Graph, Node, Shape
from edgeprune.graph.keras_out import named_weights
from edgeprune.graph.kinds import APPLICATION_LAYERS, KINDS

_log = logging.getLogger(__name__)

# Configuration of how training starts; without meaning once there are weights.
_INITIALIZERS = "_initializer"
_OF_KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_OWN_CODE = ("_regularizer", "_constraint")


def from_keras(model: Any) -> Graph:
    """Read a Sequential or Functional `keras.Model`; raises ModelError naming the layer and why."""
    reader = _Reader(model)
    reader.read(functional(model), {}, "")
    return reader.graph()


def functional(model: Any) -> Any:
    """The Functional model behind `model`; raises ModelError for a subclassed or unbuilt one."""
    import keras
    from keras.src.models.functional import Functional

    if not isinstance(model, keras.Model):
        raise ModelError(f"a Keras model is needed, not {type(model).__name__}")
    if type(model).call not in (keras.Sequential.call, Functional.call):
        raise ModelError(
            f"model {model.name!r} is a class with its own call(), which cannot be read as a graph",
            hint="build it from layers with keras.Sequential or keras.Model(inputs, outputs)",
        )
    inner = model._functional if isinstance(model, keras.Sequential) else model
    if inner is None:
        raise ModelError(
            f"model {model.name!r} has no input shape", hint="put keras.Input(shape) in front of its layers"
        )
    return inner


class _Reader:
    """Collects nodes while it walks the calls of a model and of those nested in it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._nodes: list[Node] = []
        self._outputs: list[str] = []
        self._layers: dict[int, str] = {}
        self._taken = {operation.name for operation in functional(model).operations}
        self._weights: dict[str, dict[str, FloatArray]] = {}

    def graph(self) -> Graph:
        inputs = [functional(self._model)._inputs[i] for i in range(len(functional(self._model)._inputs))]
        names = tuple(tensor._keras_history.operation.name for tensor in inputs)
        return Graph(self._model.name, tuple(self._nodes), names, tuple(self._outputs))

    def read(self, model: Any, known: dict[int, str], prefix: str) -> list[str]:
        """Add the calls of `model`; `known` maps its input tensors to nodes. Returns its output nodes."""
        known = dict(known)
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for call in model._nodes_by_depth[depth]:
                if call.is_input and id(call.outputs[0]) in known:
                    continue
                self._read_call(call, known, prefix)
        outputs = [known[id(tensor)] for tensor in model._outputs]
        if not prefix:
            self._outputs = outputs
        return outputs

    def _read_call(self, call: Any, known: dict[int, str], prefix: str) -> None:
        import keras

        operation = call.operation
        sources = tuple(known[id(tensor)] for tensor in call.input_tensors)
        if isinstance(operation, keras.Model):
            _check_arguments(call)
            inner = functional(operation)
            entry = {id(tensor): name for tensor, name in zip(inner._inputs, sources, strict=True)}
            names = self.read(inner, entry, f"{prefix}{operation.name}_")
        else:
            names = [self._add(call, sources, prefix)]
        for tensor, name in zip(call.outputs, names, strict=True):
            known[id(tensor)] = name

    def _add(self, call: Any, sources: tuple[str, ...], prefix: str) -> str:
        operation = call.operation
        if len(call.outputs) != 1:
            raise keras_ops.refusal(operation, f"has {len(call.outputs)} outputs")
        layer = self._layers.get(id(operation))
        name = self._unique(operation.name, prefix) if layer is None else self._again(layer)
        if layer is None:
            layer = self._layers[id(operation)] = name
            self._weights[layer] = {}
        shape = _shape(operation, call.outputs[0])
        kind, config, weights = _read_operation(call)
        if type(operation).__name__ == "CustomScaleLayer":
            sources = (sources[0], self._scaled(operation, name, sources[1], shape))
        self._weights[layer] = self._weights[layer] or weights
        config["name"] = layer
        self._nodes.append(Node(name, kind, sources, shape, config, self._weights[layer], layer))
        return name

    def _scaled(self, operation: Any, name: str, source: str, shape: Shape) -> str:
        """The node that multiplies `source` before a CustomScaleLayer, called `name`, adds it."""
        scaled = self._unique(f"{name}_scale", "scaled_")
        config = _complete("Rescaling", {"name": scaled, "scale": float(operation.scale)})
        config = _clean(operation, "Rescaling", config, len(shape) + 1)
        self._nodes.append(Node(scaled, "Rescaling", (source,), shape, config, {}, scaled))
        return scaled

    def _unique(self, name: str, prefix: str) -> str:
        """`name` at the top, where Keras keeps names unique; in a nested model one that is free."""
        if not prefix:
            return name
        found = name if name not in self._taken else prefix + name
        while found in self._taken:
            found += "_"
        self._taken.add(found)
        return found

    def _again(self, layer: str) -> str:
        count = 2
        while f"{layer}_{count}" in self._taken:
            count += 1
        self._taken.add(f"{layer}_{count}")
        return f"{layer}_{count}"


def _shape(operation: Any, tensor: Any) -> Shape:
    kind = type(operation).__name__
    shape = tuple(tensor.shape[1:])
    if any(extent is None for extent in shape):
        raise ModelError(
            f"layer {operation.name!r} ({kind}) has an output of unknown shape {shape}",
            hint="give the model a fixed input shape, such as keras.Input((32, 32, 3))",
        )
    if tensor.dtype != "float32":
        raise ModelError(
            f"layer {operation.name!r} ({kind}) computes in {tensor.dtype}; only float32 is supported",
            hint="build the model with float32 inputs and without a mixed-precision policy",
        )
    return tuple(int(extent) for extent in shape)


def _read_operation(call: Any) -> tuple[str, dict[str, Any], dict[str, FloatArray]]:
    """The kind, configuration and weights of what `call` calls."""
    import keras

    operation, rank = call.operation, len(call.outputs[0].shape)
    kind = type(operation).__name__
    if not isinstance(operation, keras.Layer):
        kind, config = keras_ops.as_layer(operation, call.arguments.args, call.arguments.kwargs)
        return kind, _clean(operation, kind, _complete(kind, config), rank), {}
    home = "applications" if kind in _TRANSLATED or kind in APPLICATION_LAYERS else "layers"
    if not type(operation).__module__.startswith(f"keras.src.{home}."):
        raise _refusal(operation, _why_not(operation))
    frozen = _check_arguments(call)
    if kind in _TRANSLATED:
        kind, config = _TRANSLATED[kind](operation)
        return kind, _clean(operation, kind, _complete(kind, config), rank), {}
    if kind not in KINDS:
        raise _refusal(operation, _why_not(operation))
    config = keras.saving.serialize_keras_object(operation)["config"]
    config = _clean(operation, kind, config, rank)
    if kind == "Normalization":
        return kind, _normalization(operation, config, rank), {}
    if frozen and kind == "BatchNormalization":
        _log.info("layer %r is called with training=False: it stays frozen", operation.name)
        config["trainable"] = False
    weights = _weights(operation)
    if kind in ("Conv1D", "Conv2D") and config["groups"] > 1 and weights["kernel"].shape[-2] == 1:
        return _as_depthwise(kind, config, weights)
    return kind, config, weights


def _as_depthwise(
    kind: str, config: dict[str, Any], weights: dict[str, FloatArray]
) -> tuple[str, dict[str, Any], dict[str, FloatArray]]:
    """A convolution with a group for each channel, which is depthwise, as the layer of that name.

    That layer is faster and known to everyone. It knows neither strides that differ nor causal padding.
    """
    if len(set(config["strides"])) > 1 or config["padding"] == "causal":
        return kind, config, weights
    kernel = weights["kernel"]
    multiplier = kernel.shape[-1] // config["groups"]
    shape = (*kernel.shape[:-2], config["groups"], multiplier)
    found = {
        key.replace("kernel_", "depthwise_") if key.endswith(_OF_KERNEL) else key: value
        for key, value in config.items()
        if key not in ("filters", "groups")
    }
    return (
        f"Depthwise{kind}",
        {**found, "depth_multiplier": multiplier},
        {**weights, "kernel": kernel.reshape(shape)},
    )


def _complete(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """The whole configuration of a layer of which some settings are given."""
    import keras

    return {**keras.saving.serialize_keras_object(getattr(keras.layers, kind)(**config))["config"]}


def _stochastic_depth(layer: Any) -> tuple[str, dict[str, Any]]:
    """Drops whole examples of a batch, which Dropout does with one number of noise for each."""
    noise = (None, *[1] * (len(layer.input.shape) - 1))
    return "Dropout", {"name": layer.name, "rate": float(layer.drop_path_rate), "noise_shape": noise}


def _scaled_sum(layer: Any) -> tuple[str, dict[str, Any]]:
    """x + y * scale; `_Reader` puts the scale of y in front."""
    return "Add", {"name": layer.name}


# Layers of keras.applications that layers of keras.layers say exactly.
_TRANSLATED: Mapping[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "StochasticDepth": _stochastic_depth,
    "CustomScaleLayer": _scaled_sum,
}


def _refusal(layer: Any, reason: str) -> ModelError:
    return ModelError(f"layer {layer.name!r} ({type(layer).__name__}) {reason}")


def _why_not(layer: Any) -> str:
    kind = type(layer).__name__
    if kind == "Lambda":
        return "holds Python code; replace it with a layer of keras.layers"
    if "rnn" in type(layer).__module__:
        return "is recurrent, which is not supported; only feed-forward networks are"
    if not type(layer).__module__.startswith("keras."):
        return "is a custom layer, which is not supported; use layers of keras.layers"
    return "is not a supported layer"


def _check_arguments(call: Any) -> bool:
    """Refuse what changes the call's meaning; tell whether it says training=False."""
    import keras

    operation, arguments = call.operation, call.arguments
    for key, value in arguments.kwargs.items():
        if key == "inputs" or value is None or (key == "training" and value is False):
            continue
        if key == "training" and type(operation).__name__.startswith("Random"):
            continue  # their default, which says nothing: models override it when they run
        if key == "training":
            raise _refusal(operation, f"is called with training={value}")
        raise _refusal(operation, f"is called with the argument {key!r}")
    for value in keras.tree.flatten(list(arguments.args)):
        if not keras.tree.is_nested(value) and not isinstance(value, keras.KerasTensor) and value is not None:
            raise _refusal(operation, f"is called with the argument {value!r}")
    return arguments.kwargs.get("training") is False


def _clean(operation: Any, kind: str, config: dict[str, Any], rank: int) -> dict[str, Any]:
    """The configuration as JSON values, without user code, with the channel axis as -1."""
    if config.get("data_format") not in (None, "channels_last"):
        raise _refusal(operation, "has channels first; only channels last is supported")
    if config.get("renorm"):
        raise _refusal(operation, "has renorm=True, which is not supported")
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key == "activation" or key.endswith(_OWN_CODE):
            _check_builtin(operation, key, value)
        if not (key.endswith(_INITIALIZERS) and not _is_builtin(value)):
            found[key] = value
    if "dtype" in found:
        found["dtype"] = "float32"
    if isinstance(found.get("axis"), int) and found["axis"] > 0 and found["axis"] == rank - 1:
        found["axis"] = -1
    if kind == "InputLayer":
        found["batch_shape"] = [None, *found["batch_shape"][1:]]
    clean: dict[str, Any] = json.loads(json.dumps(found, default=_json_value))
    return clean


def _json_value(value: Any) -> Any:
    return np.asarray(value).tolist()


def _is_builtin(value: Any) -> bool:
    return not isinstance(value, dict) or str(value.get("module", "")).startswith("keras")


def _check_builtin(operation: Any, key: str, value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, dict) or not _is_builtin(value) or value.get("class_name") == "function":
        raise _refusal(operation, f"has a {key.replace('_', ' ')} of its own, not one of Keras")
    if key == "activation" and value.get("class_name") == "PReLU":
        raise _refusal(operation, "has PReLU as its activation; write it as a layer after this one")


def _normalization(layer: Any, config: dict[str, Any], rank: int) -> dict[str, Any]:
    """Put the adapted mean and variance, which are no trainable weights, into the configuration."""
    axes = config["axis"] if isinstance(config["axis"], list) else [config["axis"]]
    if [axis % rank for axis in axes if axis is not None] != [rank - 1]:
        raise _refusal(layer, f"normalizes along axis {config['axis']}; only -1 is supported")
    mean, variance = np.ravel(np.asarray(layer.mean)), np.ravel(np.asarray(layer.variance))
    return {**config, "axis": -1, "mean": mean.tolist(), "variance": variance.tolist()}


def _weights(layer: Any) -> dict[str, FloatArray]:
    found: dict[str, FloatArray] = {}
    for name, variable in named_weights(layer):
        if name in found:
            raise _refusal(layer, f"has two weights called {name!r}")
        array = np.array(variable.numpy(), np.float32)
        if not np.isfinite(array).all():
            raise _refusal(layer, f"has a {name} with values that are not finite")
        array.flags.writeable = False
        found[name] = array
    return found
