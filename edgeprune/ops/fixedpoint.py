"""The integer arithmetic that TFLite's reference kernels share, on numpy arrays, bit for bit.

A real factor is a 32-bit multiplier m and a shift s: factor = m / 2^31 * 2^s, 2^30 <= m < 2^31.
Applying it rounds twice (gemmlowp's way): once in the doubling high multiplication and once in the
shift right. TFLM does so in every operator; LiteRT's fully connected rounds only once.
`ep_math.h` is this file in C.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError
from edgeprune.tflite.graph import DTYPES
from edgeprune.tflite.options import Activation, Padding

IntArray = npt.NDArray[np.signedinteger[Any]]

MAX_SHIFT = 30
"""The largest shift left that a multiplier may ask for: 1 << shift must be an int32."""


def round_half_away(real: float) -> int:
    """Round to the nearest integer, halves away from zero, as C's round() does."""
    return int(math.copysign(math.floor(abs(real) + 0.5), real))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split `real` into a 32-bit multiplier and a shift, (0, 0) where it is too small to matter.

    Positive shifts go left. Shifts above `MAX_SHIFT` come back as they are: operators refuse them.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * (1 << 31))
    if abs(multiplier) == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def quantize_multipliers(reals: Sequence[float]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """`quantize_multiplier` of each of `reals`: multipliers and shifts."""
    pairs = [quantize_multiplier(real) for real in reals]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int32)


def wrap_int32(values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The low 32 bits of 64-bit `values`, as a machine register keeps them."""
    return np.asarray(values, np.int64).astype(np.int32)


def saturating_rounding_doubling_high_mul(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """round(a * b / 2^31) of int32 values; -2^31 times itself saturates.

    gemmlowp adds a nudge that depends on the sign and divides toward zero, which for every product
    is the same as adding 2^30 and rounding down.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: npt.NDArray[np.int64] = np.minimum((product + (1 << 30)) >> 31, (1 << 31) - 1)
    return high.astype(np.int32)


def rounding_divide_by_pot(x: npt.ArrayLike, exponent: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """x / 2^exponent of int32 values, rounded to nearest, halves away from zero; 0 <= exponent <= 31."""
    wide = np.asarray(x, np.int64)
    exponents = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponents) - 1
    threshold = (mask >> 1) + (wide < 0)
    return ((wide >> exponents) + ((wide & mask) > threshold)).astype(np.int32)


def multiply_by_quantized_multiplier(
    x: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike
) -> npt.NDArray[np.int32]:
    """x * multiplier / 2^31 * 2^shift of int32 values, rounded twice; broadcasts over channels.

    A shift left that leaves 32 bits wraps, as TFLM's compiled code does.
    """
    shifts = np.asarray(shift, np.int64)
    left = wrap_int32(np.asarray(x, np.int64) << np.maximum(shifts, 0))
    return rounding_divide_by_pot(
        saturating_rounding_doubling_high_mul(left, multiplier), np.maximum(-shifts, 0)
    )


def requantize(
    acc: npt.ArrayLike,
    multiplier: npt.ArrayLike,
    shift: npt.ArrayLike,
    zero_point: int,
    act_min: int,
    act_max: int,
) -> npt.NDArray[np.int8]:
    """Accumulators to int8: scale, add the zero point (wrapping), clamp to the activation's range."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift).astype(np.int64)
    return np.clip(wrap_int32(scaled + zero_point), act_min, act_max).astype(np.int8)


def dtype_range(dtype: str) -> tuple[int, int]:
    """The lowest and highest value of an integer `dtype`, inclusive."""
    info = np.iinfo(DTYPES[dtype])
    return int(info.min), int(info.max)


def quantize_float32(real: float, scale: float, zero_point: int) -> int:
    """`real` in units of `scale` by float32 division, halves away from zero; raises ModelError."""
    with np.errstate(over="ignore"):
        units = float(np.float32(real) / np.float32(scale))
    if not -(2.0**31) <= units < 2.0**31:
        raise ModelError(f"scale {scale} is too small: {real} does not fit 32 bits in units of it")
    return zero_point + round_half_away(units)


def activation_range(
    activation: Activation, scale: float, zero_point: int, dtype: str = "int8"
) -> tuple[int, int]:
    """The range, both ends inclusive, to which a fused activation clamps an output of that scale.

    Raises ModelError for an activation that is no clamp.
    """
    low, high = dtype_range(dtype)
    bounds: dict[Activation, tuple[float | None, float | None]] = {
        "NONE": (None, None),
        "RELU": (0.0, None),
        "RELU_N1_TO_1": (-1.0, 1.0),
        "RELU6": (0.0, 6.0),
    }
    if activation not in bounds:
        raise ModelError(
            f"the fused activation {activation} is not supported",
            hint="make the activation a layer of its own before converting",
        )
    lower, upper = bounds[activation]
    if lower is not None:
        low = max(low, quantize_float32(lower, scale, zero_point))
    if upper is not None:
        high = min(high, quantize_float32(upper, scale, zero_point))
    return low, high


def window_output(padding: Padding, extent: int, window: int, stride: int, dilation: int = 1) -> int:
    """How many positions a window has along one dimension; 0 or less: it does not fit."""
    if padding == "SAME":
        return (extent + stride - 1) // stride
    return (extent + stride - ((window - 1) * dilation + 1)) // stride


def window_padding(out: int, extent: int, window: int, stride: int, dilation: int = 1) -> int:
    """The padding before the first element along one dimension; what is left goes after the last."""
    total = (out - 1) * stride + (window - 1) * dilation + 1 - extent
    return max(total, 0) // 2
