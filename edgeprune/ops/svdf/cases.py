"""Networks that reach every branch of SVDF in int8."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor, variable
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import Activation, SvdfOptions


@dataclass(frozen=True)
class _Shape:
    """Scales are of feature weights, time weights, state and output."""

    inputs: int = 7
    units: int = 3
    rank: int = 2
    memory: int = 3
    state: str = "int8"
    scales: tuple[float, float, float, float] = (0.02, 0.01, 0.1, 0.05)
    in_zero_point: int = -5
    state_zero_point: int = 0
    out_zero_point: int = 4
    most_time: int = 127
    activation: Activation = "NONE"


_SHAPES = {
    "plain": _Shape(),
    "rank 1": _Shape(rank=1),
    "one of everything": _Shape(1, 1, 1, 1),
    "no memory": _Shape(memory=1),
    "long memory": _Shape(inputs=20, memory=10),
    "many units": _Shape(units=17),
    "an activation, ignored": _Shape(activation="RELU"),
    "zero points lowest": _Shape(in_zero_point=-128, out_zero_point=-128),
    "zero points highest": _Shape(in_zero_point=127, out_zero_point=127),
    "state with a zero point, wraps": _Shape(state_zero_point=-30),
    "wide": _Shape(state="int16", scales=(0.02, 0.001, 0.01, 0.05), most_time=3000),
    "wide, rank 1, long": _Shape(9, 5, 1, 8, "int16", (0.02, 0.001, 0.01, 0.05), most_time=3000),
    "wide, sums wrap": _Shape(4, 3, 2, 4, "int16", (0.9, 1e-6, 1e-5, 1e-3), most_time=32767),
    "wide, features saturate": _Shape(state="int16", scales=(2.0, 0.001, 1e-5, 0.05), most_time=300),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random weights."""
    for name, shape in _SHAPES.items():
        yield Case(name, _graph(rng, shape))


def _graph(rng: np.random.Generator, s: _Shape) -> QuantGraph:
    features, times, state_scale, out_scale = s.scales
    filters = s.units * s.rank
    quantization = per_tensor(state_scale, s.state_zero_point)
    start = np.full((1, s.memory * filters), s.state_zero_point, s.state)
    time_weights = rng.integers(-s.most_time, s.most_time, (filters, s.memory), endpoint=True)
    operands = [
        activation((1, s.inputs), 0.05, s.in_zero_point),
        constant(rng.integers(-127, 128, (filters, s.inputs)).astype(np.int8), per_tensor(features)),
        constant(time_weights.astype(s.state), per_tensor(times)),
        constant(rng.integers(-3000, 3000, s.units).astype(np.int32), per_tensor(state_scale * times)),
        variable(start, "state", quantization),
    ]
    result = activation((1, s.units), out_scale, s.out_zero_point)
    return one_op("SVDF", operands, result, SvdfOptions(s.rank, s.activation))
