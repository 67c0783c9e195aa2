"""Networks in which variables are assigned: inputs, each other's values, several times."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import Step, activation, network, per_tensor, variable
from edgeprune.tflite.graph import DTYPES, QuantGraph, Tensor


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases."""
    for dtype in ("int8", "int16", "float32"):
        yield Case(f"{dtype}, delayed twice", _delay_line(rng, dtype))
    x, a, b = (activation((1, 5), 0.1) for _ in range(3))
    v = variable(np.zeros((1, 5), np.int8), "v", per_tensor(0.1))
    w = variable(np.arange(5, dtype=np.int8)[None], "w", per_tensor(0.1))
    exchange = [_read(v, a), _read(w, b), _assign(b, v), _assign(a, w)]
    yield Case("exchanged", network([*exchange, _assign(x, w)], [x], [a, b]))
    yield Case("assigned twice", network([_assign(x, v), *exchange], [x], [a, b]))


def _read(v: Tensor, value: Tensor) -> Step:
    return Step("READ_VARIABLE", [v], [value])


def _assign(value: Tensor, v: Tensor) -> Step:
    return Step("ASSIGN_VARIABLE", [value], [v])


def _delay_line(rng: np.random.Generator, dtype: str) -> QuantGraph:
    """Outputs are the inputs of one and of two runs before."""
    scale = None if dtype == "float32" else 0.1
    quantization = None if scale is None else per_tensor(scale)
    start = (rng.normal(size=(1, 4)) * 40).astype(DTYPES[dtype])
    x, y, z = (activation((1, 4), scale, dtype=dtype) for _ in range(3))
    v, w = variable(start, "v", quantization), variable(start + 1, "w", quantization)
    return network([_read(v, y), _read(w, z), _assign(y, w), _assign(x, v)], [x], [y, z])
