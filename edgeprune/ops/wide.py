"""What the int16 operators share: operands, and requantisation where filters are int8 (16x8).

Sums are 64-bit where the bias is int64 or left out, and 32-bit where it is int32; which of the two
rounds how differs. Every int16 tensor has zero point 0, as the converter makes them: several of TFLM's
kernels ignore any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    multiply_by_quantized_multiplier,
    quantize_multipliers,
)
from edgeprune.ops.fixedpoint64 import MAX_SHIFT_64, MAX_SUM_64, multiply_64, reduced_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import Activation

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

INT32 = 2
"""The schema's number of int32 in `quantized_bias_type`, which counts where there is no bias."""


def int16_tensor(operands: Operands, tensor: Tensor) -> Tensor:
    """`tensor`, which must be int16 with one scale and zero point 0."""
    if tensor.dtype != "int16":
        raise operands.error(f"{tensor.name!r} is {tensor.dtype}, must be int16")
    if operands.one_scale(tensor).zero_point != 0:
        raise operands.error(f"{tensor.name!r} has zero point {tensor.zero_point}, int16 needs 0")
    return tensor


def symmetric_filter(operands: Operands, channel_axis: int) -> Tensor:
    """The constant int8 filter with zero points 0, quantized as a whole or along `channel_axis`."""
    tensor = operands.constant(1)
    quantization = tensor.quantization
    if tensor.dtype != "int8" or quantization is None:
        raise operands.error(f"the filter {tensor.name!r} is {tensor.dtype}, must be quantized int8")
    if any(quantization.zero_points):
        raise operands.error(f"the zero points of the filter {tensor.name!r} must be 0")
    if len(quantization.scales) > 1 and quantization.axis != channel_axis:
        raise operands.error(
            f"the filter {tensor.name!r} is quantized along axis {quantization.axis}, "
            f"the output channels are axis {channel_axis}"
        )
    return tensor


@dataclass(frozen=True, eq=False)
class WideSums:
    """Sums of one node and how they become outputs; arrays have one element for each channel.

    `largest` bounds what a sum, bias included, can be.
    """

    bias: Int64Array
    multiplier: Int32Array
    shift: Int32Array
    is_64_bit: bool
    act_min: int
    act_max: int
    largest: int

    def apply(self, sums: Int64Array) -> npt.NDArray[np.int16]:
        """Sums without bias to outputs; channels are the last dimension."""
        multiply = multiply_64 if self.is_64_bit else multiply_by_quantized_multiplier
        scaled = multiply(sums + self.bias, self.multiplier, self.shift)
        return np.clip(scaled, self.act_min, self.act_max).astype(np.int16)

    def c_fields(self) -> tuple[Field, ...]:
        """The last fields of a kernel's params struct."""
        multiplier = reduced_multiplier(self.multiplier) if self.is_64_bit else self.multiplier
        return (
            Field("int64_t", "bias", Constant(self.bias)),
            Field("int32_t", "multiplier", Constant(multiplier)),
            Field("int8_t", "shift", Constant(self.shift.astype(np.int8))),
            Field("int32_t", "is_64_bit", int(self.is_64_bit)),
            Field("int32_t", "act_min", self.act_min),
            Field("int32_t", "act_max", self.act_max),
        )


def read_sums(
    operands: Operands,
    weights: npt.NDArray[np.int64],
    activation: Activation,
    biases: Sequence[str],
    missing_bias_is_int32: bool = False,
) -> WideSums:
    """For `weights` (channels, weights of each) and a bias of a type in `biases`; raises ModelError."""
    channels = len(weights)
    tensor = operands.optional(2)
    bias, is_64_bit = np.zeros(channels, np.int64), not missing_bias_is_int32
    if tensor is not None:
        operands.constant(2)
        if tensor.dtype not in biases or tensor.elements != channels:
            raise operands.error(
                f"the bias {tensor.name!r} is {tensor.dtype} with {tensor.elements} elements, "
                f"{' or '.join(biases)} with {channels} is supported"
            )
        bias, is_64_bit = tensor.array().reshape(channels).astype(np.int64), tensor.dtype == "int64"
    quantization = operands.constant(1).quantization
    assert quantization is not None
    scales = quantization.scales if len(quantization.scales) > 1 else quantization.scales * channels
    if len(scales) != channels:
        raise operands.error(f"the filter has {len(scales)} scales for {channels} channels")
    factor = operands.input(0).scale, operands.output().scale
    multiplier, shift = quantize_multipliers([factor[0] * scale / factor[1] for scale in scales])
    bounds = operands.activation_range(activation, operands.output())
    most = np.abs(weights).sum(axis=1) * (1 << 15)
    largest = max(int(a) + abs(int(b)) for a, b in zip(most, bias, strict=True))
    return WideSums(bias, multiplier, shift, is_64_bit, *bounds, largest)


def sums_are_supported(sums: WideSums) -> bool:
    """Whether sums and shifts are such as TFLM's arithmetic can do."""
    if sums.is_64_bit:
        return sums.largest < MAX_SUM_64 and bool((sums.shift <= MAX_SHIFT_64).all())
    return sums.largest < 1 << 31 and bool((sums.shift <= MAX_SHIFT).all())
