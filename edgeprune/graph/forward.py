"""What a Graph computes, in plain numpy and double precision: the reference for every change to it.

Slow and direct. Inputs and outputs have a batch dimension in front, channels last. Layers that only act
while training pass their input on. Sums and padding follow TensorFlow: an average leaves padding out,
"same" puts the odd row of padding behind.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError, UsageError
from edgeprune.graph import activations
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.kinds import TRAINING_ONLY

Array = npt.NDArray[np.float64]
Hook = Callable[[Node, Array], Array]
Rule = Callable[[Node, list[Array]], Array]


def forward(graph: Graph, inputs: Sequence[npt.ArrayLike], after: Hook | None = None) -> dict[str, Array]:
    """Return the output of every node for `inputs`, one array (N, *shape) per network input.

    `after(node, output)` may replace a node's output before others see it. Raises ModelError for a
    layer or setting that is not known here.
    """
    if len(inputs) != len(graph.inputs):
        raise UsageError(f"{graph.name} takes {len(graph.inputs)} inputs, got {len(inputs)}")
    values = {name: np.asarray(x, np.float64) for name, x in zip(graph.inputs, inputs, strict=True)}
    for node in graph.nodes:
        if node.kind != "InputLayer":
            out = evaluate(node, [values[name] for name in node.inputs])
            values[node.name] = out
        if after is not None:
            values[node.name] = after(node, values[node.name])
    return values


def evaluate(node: Node, inputs: list[Array]) -> Array:
    """The output of one node for the outputs of its inputs."""
    if node.kind in TRAINING_ONLY:
        return inputs[0]
    rule = _RULES.get(node.kind)
    if rule is None:
        raise ModelError(f"layer {node.name!r} ({node.kind}) has no numpy reference")
    out = rule(node, inputs)
    if node.kind in _FUSED:
        out = activations.apply(node.config.get("activation"), out)
    return out.reshape(len(inputs[0]), *node.shape)


def _planar(x: Array) -> Array:
    """A 1-D signal (N, length, channels) as an image one pixel wide; images stay."""
    return x[:, :, None, :] if x.ndim == 3 else x


def _pair(value: Any, other: int = 1) -> tuple[int, int]:
    """A setting of one or two dimensions as (rows, columns)."""
    values = [int(v) for v in np.ravel(value)]
    return (values[0], values[1]) if len(values) == 2 else (values[0], other)


def _extents(node: Node, key: str, default: Any = 1) -> tuple[int, int]:
    """Setting `key` of a node as (rows, columns); a single number counts for all its dimensions."""
    value = node.config.get(key)
    value = default if value is None else value
    if "1D" in node.kind:
        return _pair(np.ravel(value)[:1])
    return _pair(value, int(np.ravel(value)[0]))


def _pads(extent: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return window - 1, 0
    total = max((-(-extent // stride) - 1) * stride + window - extent, 0)
    return total // 2, total - total // 2


def _windows(
    x: Array,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
    fill: float,
) -> Array:
    """All windows of `x`: (N, out rows, out columns, channels, kernel rows, kernel columns)."""
    spans = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    rows = _pads(x.shape[1], spans[0], strides[0], padding)
    cols = _pads(x.shape[2], spans[1], strides[1], padding if padding != "causal" else "valid")
    x = np.pad(x, ((0, 0), rows, cols, (0, 0)), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(1, 2))
    found: Array = windows[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return found


def _kernel(node: Node, name: str = "kernel") -> Array:
    """A convolution's weights with two kernel dimensions."""
    kernel = node.weights[name].astype(np.float64)
    return kernel[:, None] if kernel.ndim == 3 else kernel


def _bias(node: Node) -> Array | float:
    return node.weights["bias"].astype(np.float64) if "bias" in node.weights else 0.0


def _layer_windows(node: Node, x: Array, kernel: Array) -> Array:
    strides, dilation = _extents(node, "strides"), _extents(node, "dilation_rate")
    size = (kernel.shape[0], kernel.shape[1])
    return _windows(_planar(x), size, strides, dilation, node.config.get("padding", "valid"), 0.0)


def windows(node: Node, x: Array) -> Array:
    """What a convolution reads for each output: (N, rows, columns, channels, kernel rows, kernel columns)."""
    return _layer_windows(node, x, _kernel(node))


def _conv(node: Node, inputs: list[Array]) -> Array:
    kernel = _kernel(node)
    read = _layer_windows(node, inputs[0], kernel)
    groups = int(node.config.get("groups", 1))
    parts = zip(np.split(read, groups, axis=3), np.split(kernel, groups, axis=3), strict=True)
    out = [np.tensordot(x, w, axes=((3, 4, 5), (2, 0, 1))) for x, w in parts]
    return np.concatenate(out, axis=-1) + _bias(node)


def _depthwise(node: Node, inputs: list[Array]) -> Array:
    name = "kernel" if "kernel" in node.weights else "depthwise_kernel"
    return _each_channel(node, inputs[0], _kernel(node, name)) + _bias(node)


def _each_channel(node: Node, x: Array, kernel: Array) -> Array:
    """Every channel with its own filters; (N, rows, columns, channels * multiplier)."""
    out = np.einsum("nhwckl,klcm->nhwcm", _layer_windows(node, x, kernel), kernel)
    found: Array = out.reshape(*out.shape[:3], -1)
    return found


def _separable(node: Node, inputs: list[Array]) -> Array:
    hidden = _each_channel(node, inputs[0], _kernel(node, "depthwise_kernel"))
    found: Array = hidden @ _kernel(node, "pointwise_kernel")[0, 0] + _bias(node)
    return found


def _transposed(node: Node, inputs: list[Array]) -> Array:
    """Spread every input over the outputs that a convolution would have read to make it."""
    x, kernel = _planar(inputs[0]), _kernel(node)  # kernel: (rows, columns, out, in)
    strides, dilation = _extents(node, "strides"), _extents(node, "dilation_rate")
    target = node.shape[:-1] if len(node.shape) == 3 else (node.shape[0], 1)
    spans = [(x.shape[a + 1] - 1) * strides[a] + 1 for a in (0, 1)]
    reach = [spans[a] + (kernel.shape[a] - 1) * dilation[a] for a in (0, 1)]
    full = np.zeros((len(x), max(reach[0], target[0]), max(reach[1], target[1]), kernel.shape[2]))
    for row in range(kernel.shape[0]):
        for col in range(kernel.shape[1]):
            top, left = row * dilation[0], col * dilation[1]
            part = full[:, top : top + spans[0] : strides[0], left : left + spans[1] : strides[1]]
            part += x @ kernel[row, col].T
    starts = (0, 0)
    if node.config.get("padding", "valid") == "same":
        starts = (max(reach[0] - target[0], 0) // 2, max(reach[1] - target[1], 0) // 2)
    return full[:, starts[0] : starts[0] + target[0], starts[1] : starts[1] + target[1]] + _bias(node)


def _dense(node: Node, inputs: list[Array]) -> Array:
    return inputs[0] @ node.weights["kernel"].astype(np.float64) + _bias(node)


def _batch_norm(node: Node, inputs: list[Array]) -> Array:
    mean = node.weights["moving_mean"].astype(np.float64)
    variance = node.weights["moving_variance"].astype(np.float64)
    scale = 1.0 / np.sqrt(variance + float(node.config.get("epsilon", 1e-3)))
    return _scaled(node, (inputs[0] - mean) * scale)


def _layer_norm(node: Node, inputs: list[Array]) -> Array:
    mean = inputs[0].mean(axis=-1, keepdims=True)
    variance = inputs[0].var(axis=-1, keepdims=True)
    return _scaled(node, (inputs[0] - mean) / np.sqrt(variance + float(node.config.get("epsilon", 1e-3))))


def _scaled(node: Node, x: Array) -> Array:
    if node.config.get("axis", -1) not in (-1, [-1]):
        raise ModelError(f"layer {node.name!r} ({node.kind}) normalises another axis than the last")
    return x * node.weights.get("gamma", np.float32(1)) + node.weights.get("beta", np.float32(0))


def _layer_scale(node: Node, inputs: list[Array]) -> Array:
    found: Array = inputs[0] * node.weights["gamma"].astype(np.float64)
    return found


def _normalization(node: Node, inputs: list[Array]) -> Array:
    mean = np.asarray(node.config["mean"], np.float64)
    deviation = np.maximum(np.sqrt(np.asarray(node.config["variance"], np.float64)), 1e-7)
    if node.config.get("invert"):
        return inputs[0] * deviation + mean
    return (inputs[0] - mean) / deviation


def _rescaling(node: Node, inputs: list[Array]) -> Array:
    found: Array = inputs[0] * np.asarray(node.config["scale"]) + np.asarray(node.config["offset"])
    return found


def _pool(node: Node, inputs: list[Array]) -> Array:
    size = _extents(node, "pool_size")
    strides = _extents(node, "strides", node.config["pool_size"])
    padding = node.config.get("padding", "valid")
    x = _planar(inputs[0])
    if node.kind.startswith("Max"):
        largest: Array = _windows(x, size, strides, (1, 1), padding, -math.inf).max(axis=(4, 5))
        return largest
    total = _windows(x, size, strides, (1, 1), padding, 0.0).sum(axis=(4, 5))
    counted = _windows(np.ones_like(x), size, strides, (1, 1), padding, 0.0).sum(axis=(4, 5))
    found: Array = total / counted
    return found


def _global_pool(node: Node, inputs: list[Array]) -> Array:
    axes = tuple(range(1, inputs[0].ndim - 1))
    found: Array = inputs[0].max(axis=axes) if "Max" in node.kind else inputs[0].mean(axis=axes)
    return found


def _margins(node: Node, key: str) -> list[tuple[int, int]]:
    """((before, after) of rows, of columns); columns have none in 1-D."""
    flat = [int(v) for v in np.ravel(node.config[key])]
    if "1D" in node.kind:
        flat = [*(flat if len(flat) == 2 else flat * 2), 0, 0]
    elif len(flat) < 4:
        flat = [flat[0], flat[0], flat[-1], flat[-1]]
    return [(flat[0], flat[1]), (flat[2], flat[3])]


def _zero_pad(node: Node, inputs: list[Array]) -> Array:
    return np.pad(_planar(inputs[0]), ((0, 0), *_margins(node, "padding"), (0, 0)))


def _crop(node: Node, inputs: list[Array]) -> Array:
    x = _planar(inputs[0])
    (top, bottom), (left, right) = _margins(node, "cropping")
    return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]


def _upsample(node: Node, inputs: list[Array]) -> Array:
    x = _planar(inputs[0])
    factors = _extents(node, "size")
    interpolation = node.config.get("interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear"):
        raise ModelError(f"layer {node.name!r} ({node.kind}) interpolates by {interpolation!r}")
    for axis, factor in zip((1, 2), factors, strict=True):
        x = np.repeat(x, factor, axis) if interpolation == "nearest" else _linear(x, factor, axis)
    return x


def _linear(x: Array, factor: int, axis: int) -> Array:
    """Linear interpolation between pixel centres, the border pixel continued."""
    extent = x.shape[axis]
    at = np.clip((np.arange(extent * factor) + 0.5) / factor - 0.5, 0, extent - 1)
    low = np.floor(at).astype(np.int64)
    share = (at - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    found: Array = x.take(low, axis) * (1 - share) + x.take(np.minimum(low + 1, extent - 1), axis) * share
    return found


def _reshape(node: Node, inputs: list[Array]) -> Array:
    return inputs[0].reshape(len(inputs[0]), *node.shape)


def _permute(node: Node, inputs: list[Array]) -> Array:
    return inputs[0].transpose(0, *node.config["dims"])


def _repeat(node: Node, inputs: list[Array]) -> Array:
    return np.repeat(inputs[0][:, None], node.shape[0], axis=1)


def _concatenate(node: Node, inputs: list[Array]) -> Array:
    return np.concatenate(inputs, axis=int(node.config.get("axis", -1)))


def _merge(node: Node, inputs: list[Array]) -> Array:
    if len({x.ndim for x in inputs}) > 1:
        raise ModelError(f"layer {node.name!r} ({node.kind}) joins tensors of different rank")
    function = _MERGES[node.kind]
    out = inputs[0]
    for x in inputs[1:]:
        out = function(out, x)
    return out / len(inputs) if node.kind == "Average" else out


def _activation(node: Node, inputs: list[Array]) -> Array:
    return activations.apply(node.config.get("activation"), inputs[0])


def _activation_layer(node: Node, inputs: list[Array]) -> Array:
    return activations.apply_layer(node.kind, node.config, inputs[0])


def _prelu(node: Node, inputs: list[Array]) -> Array:
    x = inputs[0]
    return np.where(x >= 0, x, x * node.weights["alpha"])


def _identity(node: Node, inputs: list[Array]) -> Array:
    return inputs[0]


_MERGES: Mapping[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Average": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}
_FUSED = frozenset(
    {f"{kind}{rank}" for kind in ("Conv", "DepthwiseConv", "SeparableConv") for rank in ("1D", "2D")}
    | {"Conv1DTranspose", "Conv2DTranspose", "Dense"}
)


def _both(kind: str, rule: Rule, ending: str = "") -> dict[str, Rule]:
    return {f"{kind}1D{ending}": rule, f"{kind}2D{ending}": rule}


_RULES: Mapping[str, Rule] = {
    **_both("Conv", _conv),
    **_both("Conv", _transposed, "Transpose"),
    **_both("DepthwiseConv", _depthwise),
    **_both("SeparableConv", _separable),
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "LayerScale": _layer_scale,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    **_both("MaxPooling", _pool),
    **_both("AveragePooling", _pool),
    **_both("GlobalMaxPooling", _global_pool),
    **_both("GlobalAveragePooling", _global_pool),
    **_both("ZeroPadding", _zero_pad),
    **_both("Cropping", _crop),
    **_both("UpSampling", _upsample),
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "Concatenate": _concatenate,
    **dict.fromkeys(_MERGES, _merge),
    "Activation": _activation,
    **dict.fromkeys(("ReLU", "LeakyReLU", "ELU", "Softmax"), _activation_layer),
    "PReLU": _prelu,
    "Identity": _identity,
}
