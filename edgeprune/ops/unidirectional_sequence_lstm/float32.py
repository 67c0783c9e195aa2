"""UNIDIRECTIONAL_SEQUENCE_LSTM in float32: sums run over the inputs one after the other, as in TFLM."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Constant, Field, KernelCall, Op
from edgeprune.ops.builder import activation, constant, one_op, variable
from edgeprune.ops.floatmath import tanhf
from edgeprune.ops.floats import FLOAT_MAX, FloatArray, clamp, float_tensor
from edgeprune.ops.logistic.float32 import logistic
from edgeprune.ops.operands import Operands
from edgeprune.ops.unidirectional_sequence_lstm.operands import (
    BIASES,
    CELL,
    CELL_GATE,
    FORGET_GATE,
    GATES,
    HIDDEN,
    INPUT_GATE,
    INPUT_WEIGHTS,
    OUTPUT_GATE,
    RECURRENT_WEIGHTS,
    Geometry,
    check_dtypes,
    read_geometry,
    stacked,
)
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import SequenceLstmOptions


@dataclass(frozen=True, eq=False)
class Params:
    """Stacked arrays have a row for each gate; `cell_clip` 0: no limit."""

    geometry: Geometry
    input_weights: FloatArray
    recurrent_weights: FloatArray
    bias: FloatArray
    cell_clip: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    geometry = read_geometry(operands)
    check_dtypes(operands, activations="float32", weights="float32", biases="float32", cell="float32")
    for index in node.inputs:
        if index >= 0:
            float_tensor(operands, graph.tensors[index])
    weights, recurrent, bias = (
        stacked(operands, first).astype(np.float32) for first in (INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIASES)
    )
    clip = max(operands.options(SequenceLstmOptions).cell_clip, 0.0)
    return Params(geometry, weights, recurrent, bias, clip)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the output, and the new hidden and cell state."""
    source, hidden, cell = inputs[0], inputs[HIDDEN], inputs[CELL]
    assert source is not None and hidden is not None and cell is not None
    g = p.geometry
    rows = source.reshape(-1, g.inputs).astype(np.float32)
    states = hidden.reshape(g.batches, g.units).astype(np.float32)
    cells = cell.reshape(g.batches, g.units).astype(np.float32)
    output = np.empty((len(rows), g.units), np.float32)
    with np.errstate(all="ignore"):
        for batch in range(g.batches):
            for step in range(g.steps):
                row = g.row(batch, step)
                cells[batch], states[batch] = _step(p, rows[row], states[batch], cells[batch])
                output[row] = states[batch]
    shaped = output.reshape(*source.shape[:2], g.units)
    return [shaped, states.reshape(hidden.shape), cells.reshape(cell.shape)]


def _step(p: Params, x: FloatArray, h: FloatArray, c: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The new cell and hidden state."""
    sums = _finite(_dot(p.input_weights, x) + p.bias) + _finite(_dot(p.recurrent_weights, h))
    gates = [tanhf(sums[i]) if i == CELL_GATE else logistic(sums[i]) for i in range(len(GATES))]
    c = _finite(gates[FORGET_GATE] * c) + _finite(gates[INPUT_GATE] * gates[CELL_GATE])
    if p.cell_clip:
        clip = np.float32(p.cell_clip)
        c = np.where(c < clip, c, clip)
        c = np.where(c < -clip, -clip, c)
    return c, _finite(tanhf(c) * gates[OUTPUT_GATE])


def _dot(weights: FloatArray, values: FloatArray) -> FloatArray:
    """(4, units): the sums over the last dimension of `weights`, in order."""
    total = np.zeros(weights.shape[:2], np.float32)
    for i, value in enumerate(values):
        total += weights[:, :, i] * value
    return total


def _finite(values: FloatArray) -> FloatArray:
    return clamp(values, -FLOAT_MAX, FLOAT_MAX)


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; weights and biases are in its params, stacked."""
    fields = (
        *p.geometry.c_fields(),
        Field("float", "input_weights", Constant(p.input_weights)),
        Field("float", "recurrent_weights", Constant(p.recurrent_weights)),
        Field("float", "bias", Constant(p.bias)),
        Field("float", "cell_clip", p.cell_clip),
    )
    state = (node.inputs[HIDDEN], node.inputs[CELL])
    return KernelCall("ep_lstm_f32", fields, node.inputs[:1], node.outputs, state=state)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases, with random weights; the states begin at 0."""
    yield Case("one step", _graph(rng, (1, 1, 6), 4))
    yield Case("steps", _graph(rng, (1, 5, 3), 4))
    yield Case("one unit", _graph(rng, (1, 4, 1), 1))
    yield Case("many units", _graph(rng, (1, 2, 9), 17))
    yield Case("time first", _graph(rng, (1, 1, 5), 3, is_time_major=True))
    yield Case("no clip", _graph(rng, (1, 6, 5), 3, clip=0.0))
    yield Case("tight clip", _graph(rng, (1, 6, 5), 3, clip=0.3))
    yield Case("sums beyond float32", _graph(rng, (1, 6, 1), 3, size=3e35))


def _graph(
    rng: np.random.Generator,
    source: tuple[int, int, int],
    units: int,
    *,
    is_time_major: bool = False,
    clip: float = 10.0,
    size: float = 0.2,
) -> QuantGraph:
    first, second, inputs = source

    def array(*shape: int) -> Array:
        return (rng.normal(size=shape) * size).astype(np.float32)

    weights = [constant(array(units, inputs)) for _ in range(4)]
    weights += [constant(array(units, units)) for _ in range(4)]
    biases = [constant(array(units)) for _ in range(4)]
    batches = second if is_time_major else first
    states = [variable(np.zeros((batches, units), np.float32), name) for name in ("hidden", "cell")]
    none = [None]
    x = activation(source, dtype="float32")
    operands = [x, *weights, *none * 3, *biases, *none * 2, *states, *none * 4]
    result = activation((first, second, units), dtype="float32")
    options = SequenceLstmOptions("TANH", float(np.float32(clip)), 0.0, is_time_major)
    return one_op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, result, options)


LSTM_F32 = Op(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    read,
    (),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("float32",),
    variables=(HIDDEN, CELL),
)
