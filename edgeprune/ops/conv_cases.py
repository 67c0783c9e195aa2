"""Filters, biases and scales for the cases of convolutions and dense layers."""

import numpy as np

from edgeprune.ops.builder import constant, per_channel, per_tensor
from edgeprune.tflite.graph import Quantization, Tensor


def random_filter(
    rng: np.random.Generator, shape: tuple[int, ...], scales: float | list[float], axis: int
) -> Tensor:
    """An int8 filter; one scale for all of it, or one for each slice along `axis`."""
    values = rng.integers(-127, 128, shape, dtype=np.int8)
    return constant(values, _quantization(scales, axis))


def random_bias(
    rng: np.random.Generator, channels: int, in_scale: float, scales: float | list[float], most: int = 3000
) -> Tensor:
    """An int32 bias of at most `most`, with the scales that its accumulators have."""
    values = rng.integers(-most, most + 1, channels, dtype=np.int32)
    if isinstance(scales, float):
        return constant(values, _quantization(in_scale * scales, 0))
    return constant(values, _quantization([in_scale * scale for scale in scales], 0))


def spread(rng: np.random.Generator, channels: int, low: float, high: float) -> list[float]:
    """Scales between `low` and `high`, evenly in their logarithm."""
    return [float(scale) for scale in np.exp(rng.uniform(np.log(low), np.log(high), channels))]


def _quantization(scales: float | list[float], axis: int) -> Quantization:
    return per_tensor(scales) if isinstance(scales, float) else per_channel(scales, axis)
