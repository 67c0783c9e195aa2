"""Keras operations written without a layer (`x + y`, `keras.ops.relu(x)`) as the layers that they equal.

Only what one layer says exactly is translated; the rest is refused by name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgeprune.errors import ModelError

# Operations that merge two tensors, and what one with a number means as (scale, offset).
_MERGES = {"Add": "Add", "Subtract": "Subtract", "Multiply": "Multiply"}
_EXTREMES = {"Maximum": "Maximum", "Minimum": "Minimum"}
_ACTIVATIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Selu": "selu",
    "Exp": "exponential",
}

Config = dict[str, Any]
Tensor = Any  # keras.KerasTensor, which has no types
Layer = tuple[str, Config]


def as_layer(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Layer:
    """Return the kind and configuration of the layer that this call equals.

    `args` and `kwargs` are those of the call, Keras tensors included. Raises ModelError.
    """
    kind = type(operation).__name__
    name = operation.name
    if kwargs:
        raise refusal(operation, f"has the arguments {', '.join(sorted(kwargs))}")
    if kind in _MERGES or kind in _EXTREMES or kind in ("TrueDivide", "Divide"):
        return _arithmetic(operation, kind, args)
    if kind in _ACTIVATIONS:
        return "Activation", {"name": name, "activation": _ACTIVATIONS[kind]}
    maker = _MAKERS.get(kind)
    if maker is None:
        raise refusal(operation, "has no layer that does the same")
    return maker(operation, args)


def refusal(operation: Any, reason: str) -> ModelError:
    """The error for an operation that stays outside."""
    return ModelError(
        f"operation {operation.name!r} ({type(operation).__name__}) {reason}",
        hint="write it as a layer of keras.layers",
    )


def _arithmetic(operation: Any, kind: str, args: Sequence[Any]) -> Layer:
    numbers = [(place, value) for place, value in enumerate(args) if _is_number(value)]
    if len(args) == 2 and not numbers and kind not in ("TrueDivide", "Divide"):
        return {**_MERGES, **_EXTREMES}[kind], {"name": operation.name}
    if len(args) == 2 and len(numbers) == 1 and kind not in _EXTREMES:
        place, number = numbers[0][0], float(numbers[0][1])
        affine = {
            ("Add", 0): (1.0, number),
            ("Add", 1): (1.0, number),
            ("Subtract", 0): (-1.0, number),
            ("Subtract", 1): (1.0, -number),
            ("Multiply", 0): (number, 0.0),
            ("Multiply", 1): (number, 0.0),
        }
        if place == 1 and number != 0:
            affine[("TrueDivide", 1)] = affine[("Divide", 1)] = (1.0 / number, 0.0)
        if (kind, place) in affine and math.isfinite(number):
            scale, offset = affine[(kind, place)]
            return "Rescaling", {"name": operation.name, "scale": scale, "offset": offset}
    raise refusal(operation, "does not combine two layers, or a layer and a number")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _concatenate(operation: Any, args: Sequence[Any]) -> Layer:
    return "Concatenate", {"name": operation.name, "axis": operation.axis}


def _relu(operation: Any, args: Sequence[Any]) -> Layer:
    return "ReLU", {"name": operation.name}


def _relu6(operation: Any, args: Sequence[Any]) -> Layer:
    return "ReLU", {"name": operation.name, "max_value": 6.0}


def _leaky_relu(operation: Any, args: Sequence[Any]) -> Layer:
    return "LeakyReLU", {"name": operation.name, "negative_slope": float(operation.negative_slope)}


def _elu(operation: Any, args: Sequence[Any]) -> Layer:
    return "ELU", {"name": operation.name, "alpha": float(operation.alpha)}


def _softmax(operation: Any, args: Sequence[Any]) -> Layer:
    return "Softmax", {"name": operation.name, "axis": operation.axis}


def _gelu(operation: Any, args: Sequence[Any]) -> Layer:
    if operation.approximate:
        raise refusal(operation, "is the approximate form, which no layer has")
    return "Activation", {"name": operation.name, "activation": "gelu"}


def _mean(operation: Any, args: Sequence[Any]) -> Layer:
    return _global(operation, args, "GlobalAveragePooling")


def _max(operation: Any, args: Sequence[Any]) -> Layer:
    if getattr(operation, "initial", None) is not None:
        raise refusal(operation, "has an initial value")
    return _global(operation, args, "GlobalMaxPooling")


def _global(operation: Any, args: Sequence[Any], stem: str) -> Layer:
    rank = len(args[0].shape)
    axes = operation.axis
    places = sorted(axis % rank for axis in ([axes] if isinstance(axes, int) else axes or []))
    if rank not in (3, 4) or places != list(range(1, rank - 1)):
        raise refusal(operation, "does not reduce exactly the spatial dimensions")
    config = {"name": operation.name, "keepdims": bool(operation.keepdims)}
    return f"{stem}{rank - 2}D", config


def _reshape(operation: Any, args: Sequence[Any]) -> Layer:
    shape = list(operation.newshape)
    if not shape or shape[0] not in (-1, None) or any(n is None or n < 0 for n in shape[1:]):
        raise refusal(operation, "does not keep the batch dimension in front")
    return "Reshape", {"name": operation.name, "target_shape": shape[1:]}


_MAKERS: dict[str, Callable[[Any, Sequence[Any]], Layer]] = {
    "Concatenate": _concatenate,
    "Elu": _elu,
    "Gelu": _gelu,
    "LeakyRelu": _leaky_relu,
    "Max": _max,
    "Mean": _mean,
    "Relu": _relu,
    "Relu6": _relu6,
    "Reshape": _reshape,
    "Softmax": _softmax,
}
