"""Networks that reach every branch of FULLY_CONNECTED."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import FullyConnectedOptions

_PLAIN = FullyConnectedOptions()


@dataclass(frozen=True)
class _Shape:
    """`source` and `result` are shapes with the batch dimension, `filters` is (channels, depth)."""

    source: tuple[int, ...]
    filters: tuple[int, int]
    result: tuple[int, ...]
    options: FullyConnectedOptions = _PLAIN
    in_zero_point: int = -7
    filter_zero_point: int = 0
    out_scale: float = 0.5
    out_zero_point: int = 4
    scales: tuple[float, float] | float = 0.02
    has_bias: bool = True
    most_bias: int = 3000


_EACH = (0.005, 0.05)
_KEEP = FullyConnectedOptions(keep_num_dims=True)

_SHAPES = {
    "one scale": _Shape((1, 20), (6, 20), (1, 6)),
    "a scale for each output": _Shape((1, 20), (6, 20), (1, 6), scales=_EACH),
    "one output": _Shape((1, 13), (1, 13), (1, 1)),
    "one input": _Shape((1, 1), (5, 1), (1, 5), scales=_EACH),
    "rows": _Shape((1, 3, 7), (4, 7), (3, 4), scales=_EACH),
    "rows, dimensions kept": _Shape((1, 3, 7), (4, 7), (1, 3, 4), _KEEP),
    "image flattened": _Shape((1, 2, 3, 4), (5, 24), (1, 5), scales=_EACH),
    "no bias": _Shape((1, 20), (6, 20), (1, 6), has_bias=False),
    "no bias, a scale for each output": _Shape((1, 20), (6, 20), (1, 6), scales=_EACH, has_bias=False),
    "relu": _Shape((1, 20), (6, 20), (1, 6), FullyConnectedOptions("RELU"), out_zero_point=-20),
    "relu6": _Shape(
        (1, 20), (6, 20), (1, 6), FullyConnectedOptions("RELU6"), out_scale=0.05, out_zero_point=-100
    ),
    "relu -1 to 1": _Shape((1, 20), (6, 20), (1, 6), FullyConnectedOptions("RELU_N1_TO_1"), out_scale=0.1),
    "zero points lowest": _Shape((1, 20), (6, 20), (1, 6), in_zero_point=-128, out_zero_point=-128),
    "zero points highest": _Shape((1, 20), (6, 20), (1, 6), in_zero_point=127, out_zero_point=127),
    "filter with a zero point": _Shape((1, 20), (6, 20), (1, 6), filter_zero_point=11),
    "filter with the lowest zero point": _Shape((1, 2, 20), (6, 20), (2, 6), filter_zero_point=-128),
    "filter with the highest zero point": _Shape((1, 20), (6, 20), (1, 6), _KEEP, 127, 127),
    "multipliers above 1": _Shape((1, 6), (8, 6), (1, 8), out_scale=0.004, scales=(0.05, 3.0)),
    "multiplier above 1": _Shape((1, 6), (8, 6), (1, 8), out_scale=0.004, scales=1.0),
    "multipliers that wrap": _Shape((1, 6), (8, 6), (1, 8), out_scale=1e-6, scales=(1e-3, 200.0)),
    "multipliers that vanish": _Shape((1, 6), (8, 6), (1, 8), out_scale=1e4, scales=(1e-9, 1e-1)),
    "large bias": _Shape((1, 3), (8, 3), (1, 8), out_scale=5e4, most_bias=2_000_000_000),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random filters and biases."""
    for name, shape in _SHAPES.items():
        yield Case(name, _graph(rng, shape))
    yield Case("one scale, double product", _tipping_graph([0.02]))
    yield Case(
        "a scale for each output, double product", _tipping_graph([0.02, 0.03, 0.0171, 0.05, 0.0123, 0.041])
    )


def _tipping_graph(filter_scales: list[float]) -> QuantGraph:
    """Biases between the points where two products of scales, float32 and double, round up to k + 1.

    Weights are 0 and the factor is about 2^-24, so that 2^-25 of it moves such a point by several units.
    """
    in_scale, out_scale = np.float32(0.025), 8000.0
    ends = [-40.5, -7.5, 11.5, 23.5, 57.5, 90.5]
    scales = [np.float32(filter_scales[i % len(filter_scales)]) for i in range(len(ends))]
    biases = []
    for end, scale in zip(ends, scales, strict=True):
        factors = float(in_scale * scale) / out_scale, float(in_scale) * float(scale) / out_scale
        biases.append(round((end / factors[0] + end / factors[1]) / 2))
    is_one = len(filter_scales) == 1
    quantization = per_tensor(float(scales[0])) if is_one else per_channel([float(s) for s in scales], 0)
    filters = constant(np.zeros((len(ends), 3), np.int8), quantization)
    bias = constant(np.array(biases, np.int32), per_tensor(float(in_scale * scales[0])))
    result = activation((1, len(ends)), out_scale)
    source = activation((1, 3), float(in_scale))
    return one_op("FULLY_CONNECTED", [source, filters, bias], result, FullyConnectedOptions())


def _graph(rng: np.random.Generator, s: _Shape) -> QuantGraph:
    in_scale = 0.025
    channels = s.filters[0]
    scales = s.scales if isinstance(s.scales, float) else spread(rng, channels, *s.scales)
    source = activation(s.source, in_scale, s.in_zero_point)
    filters = random_filter(rng, s.filters, scales, axis=0)
    if s.filter_zero_point and isinstance(scales, float):
        filters = replace(filters, quantization=per_tensor(scales, s.filter_zero_point))
    bias = [random_bias(rng, channels, in_scale, scales, s.most_bias)] if s.has_bias else []
    result = activation(s.result, s.out_scale, s.out_zero_point)
    return one_op("FULLY_CONNECTED", [source, filters, *bias], result, s.options)
