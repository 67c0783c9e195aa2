"""Activation functions as Keras 3 defines them, in numpy: by name, or as a layer with settings."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]


def apply(activation: Any, x: Array) -> Array:
    """`x` through an activation as a configuration names it: None, a name, or a serialised layer."""
    if activation is None:
        return x
    if isinstance(activation, Mapping):
        return apply_layer(str(activation.get("class_name")), activation.get("config", {}), x)
    function = _BY_NAME.get(str(activation).lower())
    if function is None:
        raise ModelError(f"the activation {activation!r} has no numpy reference")
    return function(x)


def apply_layer(kind: str, config: Mapping[str, Any], x: Array) -> Array:
    """`x` through the activation layer `kind` with its settings."""
    if kind == "ReLU":
        return _relu_layer(config, x)
    if kind == "LeakyReLU":
        return np.where(x >= 0, x, x * float(config.get("negative_slope", config.get("alpha", 0.3))))
    if kind == "ELU":
        return np.where(x > 0, x, float(config.get("alpha", 1.0)) * np.expm1(np.minimum(x, 0)))
    if kind == "Softmax":
        return _softmax(x, config.get("axis", -1))
    if kind == "Activation":
        return apply(config.get("activation"), x)
    raise ModelError(f"the activation layer {kind!r} has no numpy reference")


def _relu_layer(config: Mapping[str, Any], x: Array) -> Array:
    threshold = float(config.get("threshold") or 0.0)
    slope = float(config.get("negative_slope") or 0.0)
    limit = config.get("max_value")
    out = np.where(x >= threshold, x, slope * (x - threshold))
    return out if limit is None else np.minimum(out, float(limit))


def _softmax(x: Array, axis: Any = -1) -> Array:
    axes = tuple(axis) if isinstance(axis, list) else axis
    shifted = np.exp(x - x.max(axis=axes, keepdims=True))
    found: Array = shifted / shifted.sum(axis=axes, keepdims=True)
    return found


def _sigmoid(x: Array) -> Array:
    found: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return found


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x / 6 + 0.5, 0, 1)


def _gelu(x: Array) -> Array:
    erf = np.vectorize(math.erf, otypes=[np.float64])
    found: Array = 0.5 * x * (1 + erf(x / math.sqrt(2)))
    return found


def _selu(x: Array) -> Array:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    found: Array = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return found


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0.0)


_BY_NAME: Mapping[str, Function] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": _selu,
    "gelu": _gelu,
    "sigmoid": _sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "tanh": np.tanh,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "exponential": np.exp,
    "softmax": _softmax,
}
