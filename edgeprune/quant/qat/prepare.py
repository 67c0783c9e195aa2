"""The network as training for int8 sees it: what TensorFlow Lite computes as one operator is one node.

    layers that only act in training      are left out
    SeparableConv                         becomes a depthwise and a 1 x 1 convolution
    the activation inside a layer         becomes a node of its own; a hard sigmoid, its steps
    BatchNormalization after a layer      is folded into its weights, with the statistics it has learned
    other BatchNormalization, Rescaling,
    Normalization                         become a 1 x 1 depthwise convolution: scale and shift by channel

Source:  Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
         Inference", 2018, arXiv:1712.05877, section 3.2 (why the folded weights are those to quantise)
Differs: statistics are folded once, before training, and stay; the paper keeps on estimating them. The
         network has been trained already, and its training weights are then exactly the deployed ones.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError
from edgeprune.graph.ir import Graph, Node
from edgeprune.quant.post_training import without_training_layers

Array = npt.NDArray[Any]

HINT = "use --quantize int8 for this network, or replace the layer"
# Weighted layers, and which axes of the kernel number the outputs.
WEIGHTED: Mapping[str, tuple[int, ...]] = {
    "Conv1D": (-1,),
    "Conv2D": (-1,),
    "Dense": (-1,),
    "DepthwiseConv1D": (-2, -1),
    "DepthwiseConv2D": (-2, -1),
    "Conv1DTranspose": (-2,),
    "Conv2DTranspose": (-2,),
}
ACTIVATIONS = frozenset(
    {"relu", "relu6", "leaky_relu", "softmax", "sigmoid", "tanh", "silu", "swish", "hard_silu", "hard_swish"}
)
HARD_SIGMOID = "hard_sigmoid"
_SEPARABLE = {
    "SeparableConv1D": ("DepthwiseConv1D", "Conv1D"),
    "SeparableConv2D": ("DepthwiseConv2D", "Conv2D"),
}
_AFFINE = frozenset({"BatchNormalization", "Normalization", "Rescaling"})
OTHERS = frozenset(
    {"InputLayer", "Identity", "Activation", "ReLU", "LeakyReLU", "PReLU", "Softmax"}
    | {"Add", "Subtract", "Multiply", "Maximum", "Minimum", "Concatenate"}
    | {"MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"}
    | {"GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"}
    | {"Flatten", "Reshape", "Permute", "RepeatVector", "UpSampling2D"}
    | {"ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D"}
)


def prepare(graph: Graph) -> Graph:
    """`graph` with one node for each int8 operator; raises ModelError naming a layer that has none here."""
    return _fold(_split(without_training_layers(graph)))


def kernel_name(node: Node) -> str:
    """What the kernel of a weighted node is called."""
    return "kernel" if "kernel" in node.weights else "depthwise_kernel"


def _split(graph: Graph) -> Graph:
    """Separable convolutions in two, activations apart."""
    nodes: list[Node] = []
    source: dict[str, str] = {}
    for original in graph.nodes:
        node = replace(original, inputs=tuple(source[name] for name in original.inputs))
        if node.kind in _SEPARABLE:
            depthwise, node = _in_two(node)
            nodes.append(depthwise)
        activation = node.config.get("activation")
        if isinstance(activation, str) and activation not in (*ACTIVATIONS, HARD_SIGMOID, "linear"):
            raise _refusal(original, f"has the activation {activation!r}, unknown to training for int8")
        if node.kind in WEIGHTED:
            nodes.append(replace(node, config={**node.config, "activation": None}))
            if activation in (None, "linear"):
                source[original.name] = node.name
                continue
            node = _activation_of(node, activation)
        nodes += _in_steps(node) if node.config.get("activation") == HARD_SIGMOID else [node]
        source[original.name] = node.name
    return Graph(graph.name, tuple(nodes), graph.inputs, tuple(source[name] for name in graph.outputs))


def _activation_of(node: Node, activation: Any) -> Node:
    """The activation of a layer as a node behind it."""
    name, layer = f"{node.name}_activation", f"{node.layer}_activation"
    if isinstance(activation, Mapping):
        config = dict(activation.get("config", {}))
        return Node(name, str(activation["class_name"]), (node.name,), node.shape, config, {}, layer)
    return Node(name, "Activation", (node.name,), node.shape, {"activation": activation}, {}, layer)


def _in_steps(node: Node) -> list[Node]:
    """A hard sigmoid, relu6(x + 3) / 6, as its steps; the last keeps its name."""
    shifted, clipped = f"{node.name}_shifted", f"{node.name}_clipped"
    shape = node.shape
    return [
        Node(shifted, "Rescaling", node.inputs, shape, {"scale": 1.0, "offset": 3.0}, {}, shifted),
        Node(clipped, "Activation", (shifted,), shape, {"activation": "relu6"}, {}, clipped),
        Node(node.name, "Rescaling", (clipped,), shape, {"scale": 1 / 6, "offset": 0.0}, {}, node.name),
    ]


def _in_two(node: Node) -> tuple[Node, Node]:
    """A separable convolution as a depthwise one and a pointwise one that keeps its name."""
    first_kind, second_kind = _SEPARABLE[node.kind]
    kernel, pointwise = node.weights["depthwise_kernel"], node.weights["pointwise_kernel"]
    rank = kernel.ndim - 2
    own = {key: node.config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate")}
    first = Node(
        f"{node.name}_depthwise",
        first_kind,
        node.inputs,
        (*node.shape[:-1], pointwise.shape[-2]),
        {**own, "depth_multiplier": kernel.shape[-1], "use_bias": False, "activation": None},
        {"depthwise_kernel": kernel},
        f"{node.layer}_depthwise",
    )
    weights = {"kernel": pointwise} | ({"bias": node.weights["bias"]} if "bias" in node.weights else {})
    config = {
        "filters": pointwise.shape[-1],
        "kernel_size": [1] * rank,
        "strides": [1] * rank,
        "padding": "valid",
        "dilation_rate": [1] * rank,
        "groups": 1,
        "use_bias": "bias" in weights,
        "activation": node.config.get("activation"),
    }
    return first, Node(node.name, second_kind, (first.name,), node.shape, config, weights, node.layer)


def _fold(graph: Graph) -> Graph:
    """Scales and shifts into the weights before them, or as convolutions of their own."""
    calls: dict[str, int] = {}
    for node in graph.nodes:
        calls[node.layer] = calls.get(node.layer, 0) + 1
    made: dict[str, Node] = {}
    source: dict[str, str] = {}
    factors: dict[str, float] = {}
    for original in graph.nodes:
        node = replace(original, inputs=tuple(source[name] for name in original.inputs))
        source[node.name] = node.name
        if node.kind not in _AFFINE:
            _check(node)
            made[node.name] = _times(node, factors.get(original.inputs[0], 1.0) if original.inputs else 1.0)
            continue
        scale, shift = _affine(node)
        if _goes_forward(graph, original, scale, shift, calls):
            factors[node.name] = float(scale[0])
            source[node.name] = node.inputs[0]
            continue
        before = made[node.inputs[0]]
        alone = len(graph.users[original.inputs[0]]) == 1 and original.inputs[0] not in graph.outputs
        if before.kind in WEIGHTED and alone and calls[before.layer] == calls[node.layer] == 1:
            made[before.name] = _scaled(before, scale, shift)
            source[node.name] = before.name
        else:
            made[node.name] = _depthwise(node, scale, shift)
    return Graph(
        graph.name, tuple(made.values()), graph.inputs, tuple(source[name] for name in graph.outputs)
    )


def _goes_forward(graph: Graph, node: Node, scale: Array, shift: Array, calls: Mapping[str, int]) -> bool:
    """Whether the layers after `node` can take it over: one factor for all channels, and nothing added."""
    if scale.min() != scale.max() or shift.any() or node.name in graph.outputs:
        return False
    return all(user.kind in WEIGHTED and calls[user.layer] == 1 for user in graph.users[node.name])


def _times(node: Node, factor: float) -> Node:
    """A weighted node for inputs that are `factor` times too small; any other node where it is 1."""
    if factor == 1:
        return node
    name = kernel_name(node)
    kernel = (node.weights[name].astype(np.float64) * factor).astype(np.float32)
    return replace(node, weights={**node.weights, name: kernel})


def _affine(node: Node) -> tuple[Array, Array]:
    """What the node multiplies each channel by, and adds to it; float64, shape (channels,)."""
    config, weights = node.config, node.weights
    channels = node.shape[-1]
    if node.kind == "Rescaling":
        scale, shift = np.asarray(config["scale"], np.float64), np.asarray(config["offset"], np.float64)
    elif node.kind == "Normalization":
        deviation = np.maximum(np.sqrt(np.asarray(config["variance"], np.float64)), 1e-7)
        mean = np.asarray(config["mean"], np.float64)
        scale, shift = (deviation, mean) if config.get("invert") else (1 / deviation, -mean / deviation)
    else:
        if config.get("axis", -1) not in (-1, [-1]):
            raise _refusal(node, "normalises another axis than the last")
        scale = 1 / np.sqrt(
            weights["moving_variance"].astype(np.float64) + float(config.get("epsilon", 1e-3))
        )
        scale = scale * weights.get("gamma", np.float32(1))
        shift = weights.get("beta", np.float32(0)) - weights["moving_mean"] * scale
    if scale.size not in (1, channels) or shift.size not in (1, channels):
        raise _refusal(node, "scales by another axis than the last")
    return np.broadcast_to(scale.ravel(), (channels,)), np.broadcast_to(shift.ravel(), (channels,))


def _scaled(node: Node, scale: Array, shift: Array) -> Node:
    """A weighted node that computes scale * what it did + shift."""
    name, axes = kernel_name(node), WEIGHTED[node.kind]
    kernel = node.weights[name].astype(np.float64)
    if axes == (-2,):
        kernel = kernel * scale[:, None]
    else:
        outputs = kernel.shape[axes[0] :]
        kernel = kernel * scale.reshape(outputs)
    bias = node.weights.get("bias", np.float32(0)) * scale + shift
    weights = {name: kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    return replace(node, config={**node.config, "use_bias": True}, weights=weights)


def _depthwise(node: Node, scale: Array, shift: Array) -> Node:
    """The node as a 1 x 1 depthwise convolution."""
    rank = len(node.shape) - 1
    if rank not in (1, 2):
        raise _refusal(node, "follows no convolution or dense layer that could take its weights")
    config = {
        "kernel_size": [1] * rank,
        "strides": [1] * rank,
        "padding": "valid",
        "dilation_rate": [1] * rank,
        "depth_multiplier": 1,
        "use_bias": True,
        "activation": None,
    }
    kernel = scale.reshape((*[1] * rank, -1, 1)).astype(np.float32)
    weights = {"depthwise_kernel": kernel, "bias": shift.astype(np.float32)}
    return Node(node.name, f"DepthwiseConv{rank}D", node.inputs, node.shape, config, weights, node.layer)


def _check(node: Node) -> None:
    """Refuse what has no int8 operator of its own."""
    if node.kind not in WEIGHTED and node.kind not in OTHERS:
        raise _refusal(node, "is unknown to training for int8")
    if node.kind == "ReLU" and not is_relu(node):
        raise _refusal(node, "is neither ReLU nor ReLU6")
    if node.kind == "UpSampling2D" and node.config.get("interpolation", "nearest") not in (
        "nearest",
        "bilinear",
    ):
        raise _refusal(node, f"interpolates by {node.config['interpolation']!r}")


def is_relu(node: Node) -> bool:
    """Whether TensorFlow Lite can compute the node inside the operator before it."""
    if node.kind == "Activation":
        return node.config["activation"] in ("relu", "relu6")
    config = node.config
    plain = not config.get("negative_slope") and not config.get("threshold")
    return node.kind == "ReLU" and plain and config.get("max_value") in (None, 6, 6.0)


def _refusal(node: Node, reason: str) -> ModelError:
    return ModelError(f"layer {node.name!r} ({node.kind}) {reason}", hint=HINT)
