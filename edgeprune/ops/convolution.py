"""What the convolutions and the dense layer share: requantisation for each channel, and its rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.fixedpoint import MAX_SHIFT, quantize_multipliers, requantize
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import Activation

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Requantization:
    """How accumulators become outputs; `multiplier` and `shift` have one element for each channel."""

    multiplier: Int32Array
    shift: Int32Array
    zero_point: int
    act_min: int
    act_max: int

    @property
    def is_in_range(self) -> bool:
        """Whether every shift is one that 32-bit arithmetic can do."""
        return bool((self.shift <= MAX_SHIFT).all())

    def apply(self, acc: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Accumulators to outputs; channels are the last dimension."""
        return requantize(acc, self.multiplier, self.shift, self.zero_point, self.act_min, self.act_max)

    @property
    def shared(self) -> "Requantization":
        """The same with one multiplier and shift where those of all channels are equal."""
        pairs = {(int(m), int(s)) for m, s in zip(self.multiplier, self.shift, strict=True)}
        if len(pairs) > 1:
            return self
        return replace(self, multiplier=self.multiplier[:1], shift=self.shift[:1])

    def c_fields(self) -> tuple[Field, ...]:
        """The fields of a kernel's params struct, in the order above."""
        return (
            Field("int32_t", "multiplier", Constant(self.multiplier)),
            Field("int8_t", "shift", Constant(self.shift.astype(np.int8))),
            Field("int32_t", "zero_point", self.zero_point),
            Field("int32_t", "act_min", self.act_min),
            Field("int32_t", "act_max", self.act_max),
        )


def read_requantization(
    operands: Operands, factors: Sequence[float], activation: Activation
) -> Requantization:
    """For real `factors`, one for each channel, and the scale of the node's output."""
    output = operands.output()
    multiplier, shift = quantize_multipliers(factors)
    act_min, act_max = operands.activation_range(activation, output)
    return Requantization(multiplier, shift, output.zero_point, act_min, act_max)


def read_filter(operands: Operands, channel_axis: int) -> Tensor:
    """The constant int8 filter, quantized as a whole or along `channel_axis`."""
    tensor = operands.constant(1)
    if tensor.dtype != "int8" or tensor.quantization is None:
        raise operands.error(
            f"the filter {tensor.name!r} is {tensor.dtype}, only quantized int8 is supported",
            hint="convert the model with full int8 quantization, inputs and outputs included",
        )
    if len(tensor.quantization.scales) > 1 and tensor.quantization.axis != channel_axis:
        raise operands.error(
            f"the filter {tensor.name!r} is quantized along axis {tensor.quantization.axis}, "
            f"the output channels are axis {channel_axis}"
        )
    return tensor


def read_bias(operands: Operands, channels: int, position: int = 2) -> Int32Array:
    """The constant bias at `position` as int32, zeros where there is none."""
    if operands.optional(position) is None:
        return np.zeros(channels, np.int32)
    tensor = operands.constant(position)
    if tensor.dtype != "int32" or tensor.elements != channels:
        raise operands.error(
            f"the bias {tensor.name!r} is {tensor.dtype} with {tensor.elements} elements, "
            f"int32 with {channels} is supported"
        )
    return tensor.array().reshape(channels).astype(np.int32)


def channel_factors(operands: Operands, filters: Tensor, channels: int, data: int = 0) -> list[float]:
    """Scale of input `data` x filter scale / output scale in double precision, for each of `channels`."""
    quantization = filters.quantization
    assert quantization is not None
    scales = quantization.scales if len(quantization.scales) > 1 else quantization.scales * channels
    return [operands.input(data).scale * scale / operands.output().scale for scale in scales]


def largest_accumulator(weights: npt.NDArray[np.int64], bias: Int32Array, largest_input: int) -> int:
    """A bound on |sum of weight x input + bias|; `weights` are (channels, weights of each)."""
    bound = np.abs(weights).sum(axis=1) * largest_input + np.abs(bias.astype(np.int64))
    return int(bound.max())
