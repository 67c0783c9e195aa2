"""Networks that reach every branch of DEPTHWISE_CONV_2D."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import DepthwiseConvOptions


@dataclass(frozen=True)
class _Shape:
    """`image` is (height, width, channels), `window` (height, width)."""

    image: tuple[int, int, int]
    window: tuple[int, int]
    options: DepthwiseConvOptions
    in_zero_point: int = -7
    out_scale: float = 0.5
    out_zero_point: int = 4
    scales: tuple[float, float] | float = (0.005, 0.05)
    has_bias: bool = True
    most_bias: int = 3000


_SAME = DepthwiseConvOptions("SAME")
_RELU = DepthwiseConvOptions("SAME", activation="RELU")
_RELU6 = DepthwiseConvOptions("SAME", activation="RELU6")
_RELU_N1 = DepthwiseConvOptions("SAME", activation="RELU_N1_TO_1")

_SHAPES = {
    "3 x 3, same": _Shape((5, 7, 4), (3, 3), _SAME),
    "3 x 3, valid": _Shape((5, 7, 3), (3, 3), DepthwiseConvOptions("VALID")),
    "one channel": _Shape((4, 3, 1), (3, 3), _SAME),
    "1 x 1, one pixel": _Shape((1, 1, 3), (1, 1), _SAME),
    "multiplier 3": _Shape((4, 5, 2), (3, 3), DepthwiseConvOptions("SAME", depth_multiplier=3)),
    "multiplier 4, one channel": _Shape(
        (5, 4, 1), (2, 3), DepthwiseConvOptions("VALID", 2, 1, depth_multiplier=4)
    ),
    "1 x N": _Shape((1, 9, 3), (1, 4), DepthwiseConvOptions("SAME", 1, 2)),
    "N x 1": _Shape((9, 1, 3), (4, 1), DepthwiseConvOptions("SAME", 2, 1)),
    "even window, asymmetric padding": _Shape((5, 6, 3), (2, 4), _SAME),
    "stride 2, padding after only": _Shape((8, 8, 3), (3, 3), DepthwiseConvOptions("SAME", 2, 2)),
    "stride beyond window": _Shape((9, 10, 2), (2, 2), DepthwiseConvOptions("SAME", 4, 3)),
    "window over all borders": _Shape((3, 2, 3), (5, 7), _SAME),
    "dilation": _Shape((9, 11, 2), (3, 3), DepthwiseConvOptions("VALID", 1, 1, 2, 3)),
    "dilation, same, stride": _Shape((7, 8, 2), (3, 2), DepthwiseConvOptions("SAME", 2, 1, 3, 2)),
    "dilation beyond image": _Shape((2, 2, 3), (2, 2), DepthwiseConvOptions("SAME", 1, 1, 3, 4)),
    "scale for the whole filter": _Shape((5, 6, 3), (3, 3), _SAME, scales=0.02),
    "no bias": _Shape((5, 6, 3), (3, 3), _SAME, has_bias=False),
    "relu": _Shape((4, 5, 3), (3, 3), _RELU, out_zero_point=-20),
    "relu6": _Shape((4, 5, 3), (3, 3), _RELU6, out_scale=0.05, out_zero_point=-100),
    "relu -1 to 1": _Shape((4, 5, 3), (3, 3), _RELU_N1, out_scale=0.1),
    "zero points lowest": _Shape((4, 5, 3), (3, 3), _SAME, -128, out_zero_point=-128),
    "zero points highest": _Shape((4, 5, 3), (3, 3), _SAME, 127, out_zero_point=127),
    "multipliers above 1": _Shape((4, 5, 4), (2, 2), _SAME, out_scale=0.004, scales=(0.05, 3.0)),
    "multipliers that wrap": _Shape((4, 5, 4), (2, 2), _SAME, out_scale=1e-6, scales=(1e-3, 200.0)),
    "multipliers that vanish": _Shape((4, 5, 6), (2, 2), _SAME, out_scale=1e4, scales=(1e-9, 1e-1)),
    "multipliers of one": _Shape((4, 5, 3), (1, 1), _SAME, out_scale=0.02, scales=0.8),
    "large bias": _Shape((3, 3, 4), (1, 1), _SAME, out_scale=5e4, most_bias=2_000_000_000),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random filters and biases."""
    for name, shape in _SHAPES.items():
        yield Case(name, _graph(rng, shape))


def _graph(rng: np.random.Generator, s: _Shape) -> QuantGraph:
    in_scale = 0.025
    o = s.options
    channels = s.image[2] * o.depth_multiplier
    scales = s.scales if isinstance(s.scales, float) else spread(rng, channels, *s.scales)
    source = activation((1, *s.image), in_scale, s.in_zero_point)
    filters = random_filter(rng, (1, *s.window, channels), scales, axis=3)
    bias = [random_bias(rng, channels, in_scale, scales, s.most_bias)] if s.has_bias else []
    out_h = window_output(o.padding, s.image[0], s.window[0], o.stride_h, o.dilation_h)
    out_w = window_output(o.padding, s.image[1], s.window[1], o.stride_w, o.dilation_w)
    result = activation((1, out_h, out_w, channels), s.out_scale, s.out_zero_point)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, *bias], result, o)
