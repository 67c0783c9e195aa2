"""Operators that send each integer to an integer by one factor for each sign, too wide for a table.

RELU, RELU6 and LEAKY_RELU in int16 and QUANTIZE between integers of which one is wider than a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall
from edgeprune.ops.fixedpoint import MAX_SHIFT, multiply_by_quantized_multiplier, wrap_int32
from edgeprune.ops.loops import Shape
from edgeprune.ops.overlap import elementwise_lag
from edgeprune.tflite.graph import DTYPES, Array, Node

ONE = (1 << 30, 1)
"""The factor 1, exactly."""


@dataclass(frozen=True)
class Rescale:
    """Results are clamped to `low` and `high`, inclusive; factors are multiplier and shift.

    A negative multiplier is applied as its magnitude and the product's sign turned after rounding.
    """

    shape: Shape
    dtype: str
    out_dtype: str
    in_zero_point: int
    positive: tuple[int, int]
    negative: tuple[int, int]
    zero_point: int
    low: int
    high: int

    @property
    def is_in_range(self) -> bool:
        """Whether the shifts are such as 32-bit arithmetic can do."""
        return max(self.positive[1], self.negative[1]) <= MAX_SHIFT

    def apply(self, x: Array) -> Array:
        """The outputs, of type `out_dtype`."""
        centred = wrap_int32(x.astype(np.int64) - self.in_zero_point)
        positive = multiply_by_quantized_multiplier(centred, *self.positive).astype(np.int64)
        multiplier, shift = self.negative
        negative = multiply_by_quantized_multiplier(centred, abs(multiplier), shift).astype(np.int64)
        scaled = np.where(centred >= 0, positive, -negative if multiplier < 0 else negative)
        shifted = wrap_int32(scaled + self.zero_point)
        return np.clip(shifted, self.low, self.high).astype(DTYPES[self.out_dtype])

    def call(self, node: Node) -> KernelCall:
        """The portable kernel."""
        sizes = [DTYPES[dtype].itemsize for dtype in (self.dtype, self.out_dtype)]
        elements = int(np.prod(self.shape, dtype=np.int64))
        values = {
            "count": elements,
            "in_bytes": sizes[0],
            "out_bytes": sizes[1],
            "in_zero_point": self.in_zero_point,
            "multiplier": self.positive[0],
            "shift": self.positive[1],
            "negative_multiplier": abs(self.negative[0]),
            "negative_shift": self.negative[1],
            "negative_sign": -1 if self.negative[0] < 0 else 1,
            "zero_point": self.zero_point,
            "low": self.low,
            "high": self.high,
        }
        fields = tuple(Field("int32_t", name, value) for name, value in values.items())
        lags = ((0, elementwise_lag(elements, *sizes)),)
        return KernelCall("ep_rescale_x32", fields, node.inputs, node.outputs, lags=lags)


def scales_are_near(p: Rescale) -> bool:
    """The input's scale, also times alpha, must be less than 2^30 times the output's."""
    return p.is_in_range


def reference(p: Rescale, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes."""
    assert inputs[0] is not None
    return [p.apply(inputs[0])]


def kernel(p: Rescale, node: Node) -> KernelCall:
    """The portable kernel."""
    return p.call(node)
