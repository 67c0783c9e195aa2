"""Models saved as `.h5` by Keras 2 (2.0 to 2.15), built anew for Keras 3 from their configuration.

Keras 3 reads most such files but not DepthwiseConv2D, nested Sequential models, or the input shapes of
Keras 2.2. Here every layer is made from the options that Keras 3 knows; an option it does not know is
refused unless it has no influence on the outputs. Weights are found by the names of layer and weight,
and the file and the model must have exactly the same ones.
"""

import inspect
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError
from edgeprune.graph.kinds import KINDS, MERGES

_log = logging.getLogger(__name__)

Config = dict[str, Any]
_MODELS = ("Model", "Functional", "Sequential")
_RENAMED_KINDS = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
_RENAMED_OPTIONS = {("LeakyReLU", "alpha"): "negative_slope"}
# (kind, name now): name in the file
_OLD_WEIGHTS = {
    ("DepthwiseConv1D", "kernel"): "depthwise_kernel",
    ("DepthwiseConv2D", "kernel"): "depthwise_kernel",
}
# Options without influence on what a trained network computes, when they have one of these values.
_IGNORED: dict[str, tuple[Any, ...]] = {
    "batch_input_shape": (),
    "input_dtype": (),
    "ragged": (False,),
    "sparse": (False,),
    "groups": (1,),
    "fused": (),
    "renorm": (False,),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "synchronized": (False,),
    "implementation": (),
}
_REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")
_CONSTRAINTS = ("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm")


def load(config: Config, weights: Any) -> Any:
    """Build the model of a `model_config` and fill it from the h5 group `model_weights`."""
    model = _build_model(config)
    backend = _text(weights.attrs.get("backend", "tensorflow"))
    if backend != "tensorflow":
        raise ModelError(f"the weights were saved by Keras on {backend}, only tensorflow is supported")
    _fill(model, weights)
    return model


# --- the network ---


def _build_model(config: Config) -> Any:
    inner = config["config"]
    kind = config["class_name"]
    if kind == "Sequential":
        return _build_sequential(inner if isinstance(inner, dict) else {"layers": inner})
    if kind in ("Model", "Functional"):
        return _build_functional(inner)
    raise ModelError(f"the model is a {kind}, neither Sequential nor Functional")


def _build_sequential(config: Config) -> Any:
    import keras

    name = config.get("name") or "sequential"
    layers = list(config["layers"])
    shape = _input_shape(layers[0]) if layers else None
    shape = shape or config.get("build_input_shape")
    if not shape:
        raise ModelError(f"model {name!r} was saved without an input shape")
    input_name = f"{name}_input"
    if layers[0]["class_name"] == "InputLayer":
        input_name = layers.pop(0)["config"]["name"]
    model = keras.Sequential([keras.Input(shape[1:], name=input_name)], name=name)
    for layer in layers:
        model.add(_build_layer(layer))
    return model


def _input_shape(layer: Config) -> Any:
    """The input shape, batch first, that a Sequential model's first layer remembers."""
    config = layer["config"]
    if layer["class_name"] in _MODELS:
        layers = config["layers"] if isinstance(config, dict) else config
        return _input_shape(layers[0]) if layers else None
    return config.get("batch_input_shape") or config.get("batch_shape")


def _build_functional(config: Config) -> Any:
    import keras

    calls = [
        (layer, index, call)
        for layer in config["layers"]
        for index, call in enumerate(layer["inbound_nodes"])
    ]
    made = {layer["name"]: _build_layer(layer) for layer in config["layers"]}
    tensors: dict[tuple[str, int], list[Any]] = {}
    for layer in config["layers"]:
        if layer["class_name"] == "InputLayer":
            tensors[layer["name"], 0] = [made[layer["name"]]]
    offsets = _node_offsets(config)
    while calls:
        waiting = []
        for layer, index, call in calls:
            sources = [(name, at - offsets.get(name, 0), out) for name, at, out in _sources(layer, call)]
            if all((name, at) in tensors for name, at, _ in sources):
                inputs = [tensors[name, at][out] for name, at, out in sources]
                tensors[layer["name"], index] = _call(layer, made[layer["name"]], inputs)
            else:
                waiting.append((layer, index, call))
        if len(waiting) == len(calls):
            stuck = ", ".join(repr(layer["name"]) for layer, _, _ in waiting[:3])
            raise ModelError(f"the network has layers whose inputs are missing: {stuck}")
        calls = waiting
    ends = [
        [tensors[name, at - offsets.get(name, 0)][out] for name, at, out in _references(config[key])]
        for key in ("input_layers", "output_layers")
    ]
    return keras.Model(*(end[0] if len(end) == 1 else end for end in ends), name=config.get("name"))


def _call(layer: Config, made: Any, inputs: list[Any]) -> list[Any]:
    result = made(inputs if layer["class_name"] in MERGES or len(inputs) > 1 else inputs[0])
    return list(result) if isinstance(result, list | tuple) else [result]


def _references(value: Any) -> list[tuple[str, int, int]]:
    """`["name", node, tensor]`, or a list or dictionary of such, as a list."""
    if isinstance(value, dict):
        value = list(value.values())
    if value and isinstance(value[0], str):
        value = [value]
    return [(name, node, tensor) for name, node, tensor, *_ in value]


def _sources(layer: Config, call: Any) -> list[tuple[str, int, int]]:
    for source in call if call and isinstance(call[0], list) else [call]:
        arguments = source[3] if len(source) > 3 else {}
        extra = {key: value for key, value in arguments.items() if value is not None}
        if extra.pop("training", False) or extra:
            raise ModelError(f"layer {layer['name']!r} is called with arguments: {arguments}")
    return _references(call)


def _node_offsets(config: Config) -> dict[str, int]:
    """Where the count of each layer's calls starts: at 1 for a nested model that was built by itself."""
    highest: dict[str, int] = {}
    found = _references(config["output_layers"])
    for layer in config["layers"]:
        for call in layer["inbound_nodes"]:
            found += _sources(layer, call)
    for name, node, _ in found:
        highest[name] = max(highest.get(name, 0), node)
    offsets = {}
    for layer in config["layers"]:
        excess = highest.get(layer["name"], 0) - (len(layer["inbound_nodes"]) - 1)
        if layer["class_name"] in _MODELS and excess > 0:
            offsets[layer["name"]] = excess
    return offsets


def _build_layer(layer: Config) -> Any:
    import keras

    kind = _RENAMED_KINDS.get(layer["class_name"], layer["class_name"])
    if kind in _MODELS:
        return _build_model(layer)
    config = layer["config"]
    name = config.get("name", layer.get("name", "?"))
    if kind not in KINDS or not hasattr(keras.layers, kind):
        raise ModelError(f"layer {name!r} ({kind}) is not a supported layer of Keras")
    _check_dtype(name, kind, config.get("dtype"))
    if kind == "InputLayer":
        shape = config.get("batch_input_shape") or config.get("batch_shape")
        return keras.Input(shape[1:], name=name)
    made = getattr(keras.layers, kind)
    return made(**_options(name, kind, config, _accepted(made)))


def _accepted(made: Any) -> set[str]:
    """The options that the class or one of its bases takes."""
    return {
        name
        for base in made.__mro__
        if "__init__" in vars(base)
        for name in inspect.signature(base.__init__).parameters
    }


def _check_dtype(name: str, kind: str, dtype: Any) -> None:
    while isinstance(dtype, dict):
        dtype = dtype["config"].get("name") if isinstance(dtype.get("config"), dict) else None
    if dtype not in (None, "float32"):
        raise ModelError(f"layer {name!r} ({kind}) computes in {dtype}; only float32 is supported")


def _options(name: str, kind: str, config: Config, accepted: set[str]) -> Config:
    options: Config = {}
    for key, value in config.items():
        key = _RENAMED_OPTIONS.get((kind, key), key)
        if key.endswith("_initializer") or key == "dtype":
            continue
        if key == "groups" and kind.startswith(("Depthwise", "Separable")):
            continue  # an echo of the convolution's base class
        if key in _IGNORED and (key not in accepted or key in ("ragged", "sparse")):
            if _IGNORED[key] and value not in _IGNORED[key]:
                raise ModelError(f"layer {name!r} ({kind}) has {key}={value}, which Keras 3 cannot do")
        elif key not in accepted:
            raise ModelError(f"layer {name!r} ({kind}) has the option {key}={value!r}, unknown to Keras 3")
        else:
            options[key] = _option(name, kind, key, value)
    return options


def _option(name: str, kind: str, key: str, value: Any) -> Any:
    import keras

    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if key in ("scale", "center") and kind in ("BatchNormalization", "LayerNormalization"):
        return bool(value)
    if key == "activation":
        if not isinstance(value, str) or not hasattr(keras.activations, value):
            raise ModelError(
                f"layer {name!r} ({kind}) has the activation {value!r}, which Keras does not have"
            )
        return value
    if value is not None and key.endswith(("_regularizer", "_constraint")):
        return _rule(name, kind, key, value)
    return tuple(value) if isinstance(value, list) else value


def _rule(name: str, kind: str, key: str, value: Any) -> Any:
    """A regularizer or constraint of Keras by its class name and numbers."""
    import keras

    known = _REGULARIZERS if key.endswith("_regularizer") else _CONSTRAINTS
    if not isinstance(value, dict) or value.get("class_name") not in known:
        raise ModelError(
            f"layer {name!r} ({kind}) has a {key.replace('_', ' ')} of its own, not one of Keras"
        )
    module = keras.regularizers if key.endswith("_regularizer") else keras.constraints
    return getattr(module, value["class_name"])(**value["config"])


# --- the weights ---


def _fill(model: Any, group: Any) -> None:
    """Set every weight of `model` from `group`; both must have the same ones."""
    stored = {name: _stored_weights(group, name) for name in _names(group, "layer_names")}
    by_name = {layer.name: layer for layer in model.layers}
    extra = [name for name, weights in stored.items() if weights and name not in by_name]
    if extra:
        raise ModelError(f"the file has weights of the layer {extra[0]!r}, which the network does not have")
    for name, layer in by_name.items():
        _fill_layer(layer, stored.get(name, []))


Stored = list[tuple[str, npt.NDArray[np.generic]]]


def _fill_layer(layer: Any, stored: Stored) -> None:
    targets = _targets(layer)
    if len(targets) != len(stored):
        raise ModelError(f"layer {layer.name!r} has {len(targets)} weights, the file {len(stored)}")
    values = _match(layer, targets, stored)
    for (owner, variable), value in zip(targets, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ModelError(
                f"layer {owner.name!r} has a {variable.name} of shape {tuple(variable.shape)}, "
                f"the file one of {value.shape}"
            )
        if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
            raise ModelError(f"layer {owner.name!r} has a {variable.name} with values that are no numbers")
        variable.assign(value)
    for owner in {id(owner): owner for owner, _ in targets}.values():
        if hasattr(owner, "finalize_state"):
            owner.finalize_state()


def _match(layer: Any, targets: list[tuple[Any, Any]], stored: Stored) -> list[npt.NDArray[np.generic]]:
    """The stored values in the order of `targets`: by layer and weight name, or by place and weight name.

    The names of layers inside a nested model may have changed since its weights were named; Keras
    itself goes by their order, in which the weights that are trained come first.
    """
    nested = len({id(owner) for owner, _ in targets}) > 1
    by_name = {(_owner_name(name) if nested else "", _leaf(name)): value for name, value in stored}
    keys = [(owner.name if nested else "", _old_name(owner, variable)) for owner, variable in targets]
    if len(by_name) == len(stored) and set(keys) == set(by_name):
        return [by_name[key] for key in keys]
    if [_leaf(name) for name, _ in stored] == [_old_name(owner, variable) for owner, variable in targets]:
        _log.info("layer %r: weights matched by their order", layer.name)
        return [value for _, value in stored]
    raise ModelError(
        f"layer {layer.name!r} has the weights {', '.join(key[1] for key in keys)}, "
        f"the file {', '.join(_leaf(name) for name, _ in stored)}"
    )


def _targets(layer: Any) -> list[tuple[Any, Any]]:
    """(layer, variable) for all weights at or below `layer`, in the order in which Keras 2 saved them."""
    pairs = [(owner, variable) for owner in _leaves(layer) for variable in owner.weights]
    unique = {id(variable): (owner, variable) for owner, variable in pairs}
    return sorted(unique.values(), key=lambda pair: not _is_trained(pair[1]))


def _is_trained(variable: Any) -> bool:
    return variable.name not in ("moving_mean", "moving_variance", "mean", "variance", "count")


def _leaves(layer: Any) -> Iterator[Any]:
    import keras

    if not isinstance(layer, keras.Model):
        yield layer
        return
    for inner in layer.layers:
        yield from _leaves(inner)


def _old_name(owner: Any, variable: Any) -> str:
    return _OLD_WEIGHTS.get((type(owner).__name__, variable.name), str(variable.name))


def _leaf(name: str) -> str:
    """`conv/kernel:0` is the `kernel`."""
    return name.rsplit("/", 1)[-1].split(":", 1)[0]


def _owner_name(name: str) -> str:
    return name.rsplit("/", 2)[-2] if "/" in name else ""


def _stored_weights(group: Any, layer: str) -> Stored:
    if layer not in group:
        raise ModelError(f"the file names the layer {layer!r} but has no weights group for it")
    inner = group[layer]
    return [(name, np.asarray(inner[name])) for name in _names(inner, "weight_names")]


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, which Keras cuts into numbered pieces where it is long."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    found: list[str] = []
    while f"{attribute}{len(found)}" in group.attrs:
        found.append(f"{attribute}{len(found)}")
    return [_text(name) for piece in found for name in group.attrs[piece]]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def check_weights(model: Any, group: Any) -> None:
    """Raise ModelError unless the h5 group holds just the weights that `model` has now."""
    stored = {name: _stored_weights(group, name) for name in _names(group, "layer_names")}
    by_name = {layer.name: layer for layer in model.layers}
    for name, weights in stored.items():
        held = [np.asarray(variable) for _, variable in _targets(by_name[name])] if name in by_name else []
        if len(held) != len(weights):
            raise ModelError(f"layer {name!r} has {len(held)} weights, the file {len(weights)}")
        for (title, value), now in zip(weights, held, strict=True):
            if value.shape != now.shape or not np.array_equal(value, now):
                raise ModelError(f"layer {name!r}: the weight {title!r} of the file was not loaded")
