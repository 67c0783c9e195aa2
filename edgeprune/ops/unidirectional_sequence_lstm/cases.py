"""Networks that reach every branch of UNIDIRECTIONAL_SEQUENCE_LSTM in integers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor, variable
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import SequenceLstmOptions


@dataclass(frozen=True)
class Shape:
    """`scales` are of input weights, recurrent weights, cell state and hidden state."""

    source: tuple[int, int, int] = (1, 3, 5)
    units: int = 4
    is_time_major: bool = False
    scales: tuple[float, float, float, float] = (0.01, 0.008, 2.0**-11, 1 / 128)
    in_zero_point: int = -9
    hidden_zero_point: int = 3
    clip: float = 10.0
    most_bias: int = 4000


SHAPES = {
    "one step": Shape((1, 1, 6)),
    "steps": Shape(),
    "one unit": Shape((1, 4, 1), units=1),
    "many units": Shape((1, 2, 9), units=17),
    "time first": Shape((1, 1, 5), is_time_major=True),
    "no clip": Shape(clip=0.0, scales=(0.05, 0.05, 2.0**-12, 1 / 128)),
    "tight clip": Shape((1, 6, 5), clip=0.3),
    "clip beyond int16": Shape(clip=1e6, scales=(0.05, 0.05, 2.0**-15, 1 / 128)),
    "cell of 2^-9": Shape(scales=(0.02, 0.02, 2.0**-9, 1 / 128)),
    "cell of 2^-12": Shape(scales=(0.02, 0.02, 2.0**-12, 1 / 128)),
    "cell of 2^-15": Shape(scales=(0.02, 0.02, 2.0**-15, 1 / 128)),
    "cell of 2^-18": Shape(scales=(0.02, 0.02, 2.0**-18, 1 / 128)),
    "cell nearly of 2^-11": Shape(scales=(0.02, 0.02, 2.0**-11 * 1.0003, 1 / 128)),
    "cell of 1": Shape(scales=(0.02, 0.02, 1.0, 1 / 128)),
    "saturated gates": Shape(scales=(2.0, 1.5, 2.0**-11, 1 / 128)),
    "zero points lowest": Shape(in_zero_point=-128, hidden_zero_point=-128),
    "zero points highest": Shape(in_zero_point=127, hidden_zero_point=127),
    "fine hidden state": Shape(scales=(0.02, 0.01, 2.0**-11, 1e-4)),
    "large bias": Shape(most_bias=1_000_000_000),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random weights and states."""
    for name, shape in SHAPES.items():
        yield Case(name, graph(rng, shape))


def graph(rng: np.random.Generator, s: Shape, dtype: str = "int8") -> QuantGraph:
    """A network of one LSTM, with activations of `dtype`."""
    in_scale = 0.02 if dtype == "int8" else 0.02 / 256
    hidden_scale = s.scales[3] if dtype == "int8" else s.scales[3] / 256
    in_zero, hidden_zero = (s.in_zero_point, s.hidden_zero_point) if dtype == "int8" else (0, 0)
    first, second, inputs = s.source
    batches = second if s.is_time_major else first
    source = activation(s.source, in_scale, in_zero, dtype)
    weights = [_weights(rng, (s.units, inputs), s.scales[0]) for _ in range(4)]
    weights += [_weights(rng, (s.units, s.units), s.scales[1]) for _ in range(4)]
    bias_type = np.int32 if dtype == "int8" else np.int64
    biases = [
        constant(
            rng.integers(-s.most_bias, s.most_bias, s.units).astype(bias_type),
            per_tensor(in_scale * s.scales[0]),
        )
        for _ in range(4)
    ]
    hidden = start((batches, s.units), "hidden", dtype, hidden_scale, hidden_zero)
    cell = start((batches, s.units), "cell", "int16", s.scales[2], 0)
    none = [None]
    operands = [source, *weights, *none * 3, *biases, *none * 2, hidden, cell, *none * 4]
    result = activation((first, second, s.units), hidden_scale, hidden_zero, dtype)
    options = SequenceLstmOptions("TANH", float(np.float32(s.clip)), 0.0, s.is_time_major)
    return one_op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, result, options)


def start(shape: tuple[int, ...], name: str, dtype: str, scale: float, zero_point: int) -> Tensor:
    """A state as the file has it: every byte is its zero point."""
    return variable(np.full(shape, zero_point, dtype), name, per_tensor(scale, zero_point))


def _weights(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Tensor:
    return constant(rng.integers(-127, 128, shape).astype(np.int8), per_tensor(scale))
