"""Networks that reach every branch of CONV_2D."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import ConvOptions

PLAIN = ConvOptions("VALID")


@dataclass(frozen=True)
class _Shape:
    """`image` is (height, width, channels), `filters` (out_channels, height, width, group_channels)."""

    image: tuple[int, int, int]
    filters: tuple[int, int, int, int]
    options: ConvOptions = PLAIN
    in_zero_point: int = -7
    out_scale: float = 2.0
    out_zero_point: int = 4
    scales: tuple[float, float] | float = (0.005, 0.05)
    has_bias: bool = True
    most_bias: int = 3000
    dead_columns: float = 0.0


_SAME = ConvOptions("SAME")

_SHAPES = {
    "3 x 3, same": _Shape((5, 7, 3), (4, 3, 3, 3), _SAME),
    "3 x 3, valid": _Shape((5, 7, 3), (4, 3, 3, 3)),
    "1 x 1": _Shape((3, 4, 9), (5, 1, 1, 9)),
    "1 x 1, one pixel": _Shape((1, 1, 4), (3, 1, 1, 4)),
    "1 x N": _Shape((1, 11, 4), (3, 1, 5, 4), ConvOptions("SAME", 1, 2)),
    "N x 1": _Shape((11, 1, 4), (3, 5, 1, 4), ConvOptions("SAME", 2, 1)),
    "10 x 4, stride 2, as DS-CNN": _Shape((13, 10, 1), (3, 10, 4, 1), ConvOptions("SAME", 2, 2)),
    "even window, asymmetric padding": _Shape((5, 6, 2), (3, 2, 4, 2), _SAME),
    "stride 2, padding after only": _Shape((8, 8, 3), (3, 3, 3, 3), ConvOptions("SAME", 2, 2)),
    "stride beyond window": _Shape((9, 10, 2), (3, 2, 2, 2), ConvOptions("SAME", 4, 3)),
    "stride beyond window, valid": _Shape((9, 10, 2), (3, 2, 1, 2), ConvOptions("VALID", 3, 4)),
    "window over all borders": _Shape((3, 2, 3), (2, 5, 7, 3), _SAME),
    "dilation": _Shape((9, 11, 2), (3, 3, 3, 2), ConvOptions("VALID", 1, 1, 2, 3)),
    "dilation, same": _Shape((7, 8, 2), (3, 3, 3, 2), ConvOptions("SAME", 1, 1, 3, 2)),
    "dilation in rows only": _Shape((7, 8, 2), (3, 3, 3, 2), ConvOptions("SAME", 2, 1, 2, 1)),
    "dilation beyond image": _Shape((2, 2, 3), (2, 2, 2, 3), ConvOptions("SAME", 1, 1, 3, 4)),
    "groups": _Shape((5, 4, 6), (8, 3, 3, 3), _SAME),
    "groups of one channel": _Shape((5, 4, 3), (6, 2, 3, 1), ConvOptions("SAME", 2, 1)),
    "scale for the whole filter": _Shape((5, 6, 3), (4, 3, 3, 3), _SAME, scales=0.02),
    "one output channel": _Shape((4, 4, 3), (1, 3, 3, 3), _SAME, scales=0.02),
    "no bias": _Shape((5, 6, 3), (4, 3, 3, 3), _SAME, has_bias=False),
    "no bias, groups": _Shape((5, 6, 4), (4, 3, 3, 2), _SAME, has_bias=False),
    "relu": _Shape((4, 5, 3), (4, 3, 3, 3), ConvOptions("SAME", activation="RELU"), out_zero_point=-20),
    "relu6": _Shape(
        (4, 5, 3), (4, 3, 3, 3), ConvOptions("SAME", activation="RELU6"), out_scale=0.05, out_zero_point=-100
    ),
    "relu -1 to 1": _Shape(
        (4, 5, 3), (4, 3, 3, 3), ConvOptions("SAME", activation="RELU_N1_TO_1"), out_scale=0.1
    ),
    "zero points lowest": _Shape((4, 5, 3), (4, 3, 3, 3), _SAME, -128, out_zero_point=-128),
    "zero points highest": _Shape((4, 5, 3), (4, 3, 3, 3), _SAME, 127, out_zero_point=127),
    "multipliers above 1": _Shape((4, 5, 2), (4, 2, 2, 2), _SAME, out_scale=0.004, scales=(0.05, 3.0)),
    "multipliers that wrap": _Shape((4, 5, 2), (4, 2, 2, 2), _SAME, out_scale=1e-6, scales=(1e-3, 200.0)),
    "multipliers that vanish": _Shape((4, 5, 2), (6, 2, 2, 2), _SAME, out_scale=1e4, scales=(1e-9, 1e-1)),
    "multipliers of one": _Shape((4, 5, 2), (3, 1, 1, 2), _SAME, out_scale=0.02, scales=0.8),
    "large bias": _Shape((3, 3, 2), (4, 1, 1, 2), out_scale=5e4, most_bias=2_000_000_000),
    "dead columns": _Shape((7, 6, 16), (9, 3, 3, 16), _SAME, dead_columns=0.5),
    "dead columns, few left": _Shape((5, 5, 6), (8, 3, 3, 6), _SAME, dead_columns=0.9),
    "dead columns, few dead": _Shape((5, 7, 8), (8, 3, 3, 8), _SAME, dead_columns=0.05),
    "dead columns, stride 2": _Shape((9, 9, 5), (8, 3, 3, 5), ConvOptions("SAME", 2, 2), dead_columns=0.6),
    "dead columns, valid": _Shape((6, 7, 4), (8, 3, 3, 4), dead_columns=0.5),
    "dead columns, 1 x 1": _Shape((3, 5, 16), (12, 1, 1, 16), dead_columns=0.7),
    "dead columns, dilation": _Shape(
        (9, 8, 5), (8, 3, 3, 5), ConvOptions("SAME", 1, 1, 2, 2), dead_columns=0.5
    ),
    "dead columns, stride beyond window": _Shape(
        (9, 11, 8), (8, 2, 2, 8), ConvOptions("SAME", 4, 3), dead_columns=0.5
    ),
    "dead columns, window over all borders": _Shape((3, 2, 3), (6, 5, 7, 3), _SAME, dead_columns=0.7),
    "dead columns, groups": _Shape((5, 4, 6), (8, 3, 3, 3), _SAME, dead_columns=0.5),
    "all columns dead": _Shape((4, 3, 4), (8, 3, 3, 4), _SAME, dead_columns=1.0),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random filters and biases."""
    for name, shape in _SHAPES.items():
        yield Case(name, _graph(rng, shape))


def without_columns(rng: np.random.Generator, filters: Tensor, fraction: float) -> Tensor:
    """`filters` (out_channels, ...) with the weights of all of them zero at this fraction of places."""
    weights = filters.array().astype(np.int8).reshape(filters.shape[0], -1)
    columns = weights.shape[1]
    weights[:, rng.choice(columns, round(fraction * columns), replace=False)] = 0
    return replace(filters, data=weights.tobytes())


def _graph(rng: np.random.Generator, s: _Shape) -> QuantGraph:
    in_scale = 0.025
    o = s.options
    channels, window_h, window_w, _ = s.filters
    scales = s.scales if isinstance(s.scales, float) else spread(rng, channels, *s.scales)
    source = activation((1, *s.image), in_scale, s.in_zero_point)
    filters = random_filter(rng, s.filters, scales, axis=0)
    if s.dead_columns:
        filters = without_columns(rng, filters, s.dead_columns)
    bias = [random_bias(rng, channels, in_scale, scales, s.most_bias)] if s.has_bias else []
    out_h = window_output(o.padding, s.image[0], window_h, o.stride_h, o.dilation_h)
    out_w = window_output(o.padding, s.image[1], window_w, o.stride_w, o.dilation_w)
    result = activation((1, out_h, out_w, channels), s.out_scale, s.out_zero_point)
    return one_op("CONV_2D", [source, filters, *bias], result, o)
