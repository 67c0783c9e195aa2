"""What the float32 operators share: operands, the activations' ranges, and clamping as TFLM does it."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import Activation, Options

Kind = TypeVar("Kind", bound=Options)
FloatArray = npt.NDArray[np.float32]

FLOAT_MAX = float(np.finfo(np.float32).max)

_RANGES: dict[Activation, tuple[float, float]] = {
    "NONE": (-FLOAT_MAX, FLOAT_MAX),
    "RELU": (0.0, FLOAT_MAX),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}


def float_tensor(operands: Operands, tensor: Tensor) -> Tensor:
    """`tensor`, which must be float32; a constant must be finite, C has no literal for other values."""
    if tensor.dtype != "float32":
        raise operands.error(
            f"{tensor.name!r} is {tensor.dtype}, beside float32 it must be float32",
            hint="convert the model with full int8 quantization, or with none: TFLM runs no mixture",
        )
    if tensor.is_constant and not np.isfinite(tensor.array().astype(np.float64)).all():
        raise operands.error(f"the constant {tensor.name!r} holds infinite values or NaN")
    return tensor


def float_range(operands: Operands, activation: Activation) -> tuple[float, float]:
    """What a fused activation clamps to, both ends inclusive; without one, infinities become finite."""
    if activation not in _RANGES:
        raise operands.error(
            f"the fused activation {activation} is not supported",
            hint="make the activation a layer of its own before converting",
        )
    return _RANGES[activation]


def float_bias(operands: Operands, channels: int, position: int = 2) -> FloatArray:
    """The constant bias at `position`, zeros where there is none: they change no sum, as none is -0."""
    if operands.optional(position) is None:
        return np.zeros(channels, np.float32)
    tensor = float_tensor(operands, operands.constant(position))
    if tensor.elements != channels:
        raise operands.error(
            f"the bias {tensor.name!r} has {tensor.elements} elements, {channels} are needed"
        )
    return tensor.array().reshape(channels).astype(np.float32)


def clamp(values: FloatArray, low: float, high: float) -> FloatArray:
    """`values` between `low` and `high`; -0 and NaN stay what they are, as in C's comparisons."""
    raised = np.where(values < np.float32(low), np.float32(low), values)
    return np.where(np.float32(high) < raised, np.float32(high), raised)


def range_fields(low: float, high: float) -> tuple[Field, ...]:
    """The last fields of the params of a kernel that clamps."""
    return Field("float", "act_min", low), Field("float", "act_max", high)
