"""A prepared Graph as a Keras 2 model (tf_keras): the twin of graph/keras_out.py."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeprune.errors import InternalError
from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.graph.kinds import MERGES
from edgeprune.quant.qat.prepare import WEIGHTED, kernel_name

_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "use_bias")
_TRANSPOSED = ("filters", *_CONVOLUTION, "output_padding")
_POOLING = ("pool_size", "strides", "padding")
# The options of each kind that change what it computes.
_OPTIONS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("Conv1D", "Conv2D"), ("filters", *_CONVOLUTION, "groups")),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), (*_CONVOLUTION, "depth_multiplier")),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _TRANSPOSED),
    "Dense": ("units", "use_bias"),
    **{f"{kind}Pooling{rank}D": _POOLING for kind in ("Max", "Average") for rank in (1, 2)},
    **{f"Global{kind}Pooling{rank}D": ("keepdims",) for kind in ("Max", "Average") for rank in (1, 2)},
    "Concatenate": ("axis",),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Flatten", "Identity"), ()),
    "Activation": ("activation",),
    "ReLU": ("max_value",),
    "LeakyReLU": ("negative_slope",),
    "PReLU": ("shared_axes",),
    "Softmax": ("axis",),
    "Reshape": ("target_shape",),
    "Permute": ("dims",),
    "RepeatVector": ("n",),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), ("padding",)),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), ("cropping",)),
    "UpSampling2D": ("size", "interpolation"),
}
_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}


@dataclass(frozen=True, eq=False)
class Twin:
    """The model, and by node its output tensor before rounding, the layer and the rounding layer."""

    model: Any
    tensors: Mapping[str, Any]
    layers: Mapping[str, Any]
    rounding: Mapping[str, Any]


def layer_of(node: Node) -> Any:
    """The Keras 2 layer of a node, without weights."""
    import tf_keras

    if node.kind == "Activation":
        return _activation(node)
    options = {
        _RENAMED.get((node.kind, key), key): _thaw(node.config[key])
        for key in _OPTIONS[node.kind]
        if key in node.config
    }
    kind = "Layer" if node.kind == "Identity" else node.kind
    return getattr(tf_keras.layers, kind)(**options, name=node.layer)


def build(
    graph: Graph,
    outputs: Sequence[str] = (),
    *,
    batch_size: int | None = None,
    make_layer: Callable[[Node], Any] = layer_of,
    round_output: Callable[[Node], Any] = lambda node: None,
) -> Twin:
    """A model of `graph` up to the nodes `outputs` (all of its own outputs by default).

    `round_output` gives the layer to put behind a node, None for none.
    """
    import tf_keras

    tensors: dict[str, Any] = {}
    after: dict[str, Any] = {}
    layers: dict[str, Any] = {}
    rounding: dict[str, Any] = {}
    for node in graph.nodes:
        if node.kind == "InputLayer":
            tensors[node.name] = tf_keras.Input(node.shape, batch_size, name=node.name)
        else:
            first = node.layer not in layers
            if first:
                layers[node.layer] = make_layer(node)
            inputs = [after[name] for name in node.inputs]
            tensors[node.name] = layers[node.layer](inputs if node.kind in MERGES else inputs[0])
            _check_shape(node, tensors[node.name])
            if first:
                _set_weights(node, layers[node.layer])
        rounded = round_output(node)
        after[node.name] = tensors[node.name] if rounded is None else rounded(tensors[node.name])
        if rounded is not None:
            rounding[node.name] = rounded
    ends = [after[name] for name in (outputs or graph.outputs)]
    model = tf_keras.Model([tensors[n] for n in graph.inputs], ends if len(ends) > 1 else ends[0])
    by_node = {node.name: layers[node.layer] for node in graph.nodes if node.layer in layers}
    return Twin(model, tensors, by_node, rounding)


def weights_of(graph: Graph, twin: Twin) -> dict[str, dict[str, FloatArray]]:
    """The weights of each layer as they are now, by names as in `graph`."""
    return {
        node.layer: {
            name: np.array(variable.numpy(), np.float32)
            for name, variable in zip(_names(node), variables(twin.layers[node.name]), strict=True)
        }
        for node in graph.nodes
        if node.weights
    }


def kernels(graph: Graph, twin: Twin) -> Iterator[tuple[Node, Any]]:
    """(node, variable) for the kernel of each weighted layer, a shared layer once."""
    seen: set[str] = set()
    for node in graph.nodes:
        if node.kind in WEIGHTED and node.layer not in seen:
            seen.add(node.layer)
            yield node, variables(twin.layers[node.name])[0]


def variables(layer: Any) -> list[Any]:
    """The weights of a layer, wrapped or not: kernel, then bias."""
    return list(layer.trainable_weights)


def _names(node: Node) -> list[str]:
    """The names of a node's weights in Keras 2's order."""
    if node.kind not in WEIGHTED:
        return list(node.weights)
    return [kernel_name(node), *(["bias"] if "bias" in node.weights else [])]


def _set_weights(node: Node, layer: Any) -> None:
    names, found = _names(node), variables(layer)
    if len(names) != len(found):
        raise InternalError(f"node {node.name!r} has {names}, Keras 2 {[v.name for v in found]}")
    for name, variable in zip(names, found, strict=True):
        value = node.weights[name]
        if tuple(variable.shape) != value.shape:
            raise InternalError(f"{node.name!r}: {name} is {value.shape}, in Keras 2 {tuple(variable.shape)}")
        variable.assign(value)


def _check_shape(node: Node, tensor: Any) -> None:
    if tuple(tensor.shape[1:]) != node.shape:
        raise InternalError(f"node {node.name!r} says shape {node.shape}, Keras 2 {tuple(tensor.shape[1:])}")


def _activation(node: Node) -> Any:
    """An activation as Keras 3 defines it; some differ in Keras 2 under the same name."""
    import tensorflow as tf
    import tf_keras

    def leaky(x: Any) -> Any:
        return tf.nn.leaky_relu(x, 0.2)

    def hard_silu(x: Any) -> Any:
        return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)

    own = {"leaky_relu": leaky, "hard_silu": hard_silu, "hard_swish": hard_silu}
    name = node.config["activation"]
    known = {"relu6": tf.nn.relu6, "silu": tf.nn.silu, "swish": tf.nn.silu, **own}
    return tf_keras.layers.Activation(known.get(name, name), name=node.layer)


def _thaw(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thaw(inner) for key, inner in value.items()}
    return tuple(_thaw(inner) for inner in value) if isinstance(value, list | tuple) else value
