"""What the LSTM of int8 and of int16 activations share; weights are int8, the cell state is int16.

Each gate adds two sums, of the input and of the hidden state, each of them brought to int16 in units of
2^-12 first. The cell state's scale is a power of two, which makes its tanh a matter of shifts.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    dtype_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multipliers,
)
from edgeprune.ops.logistic.int16 import reference as logistic
from edgeprune.ops.lookup.sigmoid16 import NEAR_POWER_OF_TWO, TABLE
from edgeprune.ops.lookup.sigmoid16 import Params as Sigmoid
from edgeprune.ops.operands import Operands
from edgeprune.ops.tanh.int16 import reference as tanh
from edgeprune.ops.unidirectional_sequence_lstm.operands import (
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
    stacked,
)
from edgeprune.tflite.graph import DTYPES, Array
from edgeprune.tflite.options import SequenceLstmOptions

Int64Array = npt.NDArray[np.int64]
GATE_SCALE = 2.0**-12
UNIT_SCALE = 2.0**-15
"""Of what sigmoid and tanh give."""
MIN_LOG2, MAX_LOG2 = -30, 2
"""Of the cell state's scale: shifts of tanh's argument that keep it within 32 bits."""


@dataclass(frozen=True, eq=False)
class Params:
    """Stacked arrays have a row for each gate, in the order of GATES.

    `input_bias` and `recurrent_bias` have the zero points of input and hidden state multiplied out, and
    `largest_sum` bounds what the sums with them can be. A factor is (multiplier, shift).
    """

    geometry: Geometry
    dtype: str
    input_weights: npt.NDArray[np.int8]
    recurrent_weights: npt.NDArray[np.int8]
    input_bias: Int64Array
    recurrent_bias: Int64Array
    input_factors: tuple[tuple[int, int], ...]
    recurrent_factors: tuple[tuple[int, int], ...]
    forget_factor: tuple[int, int]
    update_factor: tuple[int, int]
    hidden_factor: tuple[int, int]
    zero_point: int
    cell_log2: float
    cell_clip: int
    largest_sum: int


def read_integer(operands: Operands, geometry: Geometry, bias: Int64Array) -> Params:
    """The parameters, types checked already; `bias` is (4, units)."""
    source, hidden = operands.one_scale(operands.input(0)), operands.one_scale(operands.input(HIDDEN))
    cell_scale = operands.one_scale(operands.input(CELL)).scale
    weights, recurrent = stacked(operands, INPUT_WEIGHTS), stacked(operands, RECURRENT_WEIGHTS)
    wide, wide_recurrent = weights.astype(np.int64), recurrent.astype(np.int64)
    low, high = dtype_range(source.dtype)
    input_bias = bias - source.zero_point * wide.sum(axis=2)
    recurrent_bias = -hidden.zero_point * wide_recurrent.sum(axis=2)
    # What kernels hold on the way: folded bias, then weights x inputs, in any order of signs.
    most = [
        np.abs(folded) + np.abs(matrix).sum(axis=2) * max(-low, high)
        for folded, matrix in ((input_bias, wide), (recurrent_bias, wide_recurrent))
    ]
    return Params(
        geometry,
        source.dtype,
        weights.astype(np.int8),
        recurrent.astype(np.int8),
        input_bias,
        recurrent_bias,
        _factors(operands, INPUT_WEIGHTS, source.scale),
        _factors(operands, RECURRENT_WEIGHTS, hidden.scale),
        quantize_multiplier(UNIT_SCALE * cell_scale / cell_scale),
        quantize_multiplier(UNIT_SCALE * UNIT_SCALE / cell_scale),
        quantize_multiplier(UNIT_SCALE * UNIT_SCALE / hidden.scale),
        hidden.zero_point,
        math.log2(cell_scale),
        _cell_clip(operands, cell_scale),
        max(int(array.max()) for array in most),
    )


def _factors(operands: Operands, first: int, scale: float) -> tuple[tuple[int, int], ...]:
    """From the sums of each gate's weights to GATE_SCALE; the product is one of doubles."""
    scales = []
    for gate in range(len(GATES)):
        weights = operands.one_scale(operands.input(first + gate))
        if weights.zero_point != 0:
            raise operands.error(f"the zero point of {weights.name!r} must be 0, it is {weights.zero_point}")
        scales.append(scale * weights.scale / GATE_SCALE)
    multipliers, shifts = quantize_multipliers(scales)
    return tuple((int(m), int(s)) for m, s in zip(multipliers, shifts, strict=True))


def _cell_clip(operands: Operands, cell_scale: float) -> int:
    """The largest cell state in its own units, 0 where there is no limit."""
    clip = operands.options(SequenceLstmOptions).cell_clip
    return int(min(max(clip / cell_scale, -32768.0), 32767.0)) if clip > 0 else 0


def cell_scale_is_a_power_of_two(p: Params) -> bool:
    """The cell state's scale must be a power of two, from 2^-30 to 2^2."""
    power = round(p.cell_log2)
    return abs(p.cell_log2 - power) < NEAR_POWER_OF_TWO and MIN_LOG2 <= power <= MAX_LOG2


def factors_are_small(p: Params) -> bool:
    """Products of scales must be less than 2^30 times the scale of what they become."""
    factors = (*p.input_factors, *p.recurrent_factors, p.forget_factor, p.update_factor, p.hidden_factor)
    return all(shift <= MAX_SHIFT for _, shift in factors)


def tanh_argument(p: Params) -> tuple[int, int]:
    """Multiplier and shift right from the cell state to the table's argument."""
    shift = round(p.cell_log2) + 12
    return (3 << shift, 0) if shift >= 0 else (3, -shift)


Multiply = Callable[[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], npt.NDArray[np.int32]]


def reference(p: Params, inputs: Sequence[Array | None], multiply: Multiply) -> list[Array]:
    """Output, hidden state and cell state; `multiply` brings the sums of a gate to int16."""
    source, hidden, cell = inputs[0], inputs[HIDDEN], inputs[CELL]
    assert source is not None and hidden is not None and cell is not None
    g = p.geometry
    rows = source.reshape(-1, g.inputs)
    states, cells = hidden.reshape(g.batches, g.units).copy(), cell.reshape(g.batches, g.units).copy()
    output = np.empty((len(rows), g.units), states.dtype)
    for batch in range(g.batches):
        for step in range(g.steps):
            row = g.row(batch, step)
            gates = _gates(p, rows[row], states[batch], multiply)
            cells[batch] = _new_cell(p, gates, cells[batch].astype(np.int64))
            states[batch] = output[row] = _new_hidden(p, gates, cells[batch])
    return [
        output.reshape(*source.shape[:2], g.units),
        states.reshape(hidden.shape),
        cells.reshape(cell.shape),
    ]


def _gates(p: Params, x: Array, h: Array, multiply: Multiply) -> Int64Array:
    """(4, units), in units of UNIT_SCALE; sums in double precision are exact below 2^53."""
    parts = []
    for weights, values, bias, factors in (
        (p.input_weights, x, p.input_bias, p.input_factors),
        (p.recurrent_weights, h, p.recurrent_bias, p.recurrent_factors),
    ):
        sums = (weights.astype(np.float64) @ values.astype(np.float64)).astype(np.int64) + bias
        scaled = [multiply(sums[gate], *factors[gate]) for gate in range(len(GATES))]
        parts.append(_int16(np.stack(scaled).astype(np.int64)))
    total = _int16(parts[0] + parts[1])
    plain = Sigmoid(p.geometry.units, 3, 0, -15.0)
    functions = [tanh if gate == CELL_GATE else logistic for gate in range(len(GATES))]
    return np.stack([f(plain, [total[gate]])[0].astype(np.int64) for gate, f in enumerate(functions)])


def _new_cell(p: Params, gates: Int64Array, cell: Int64Array) -> Int64Array:
    kept = _int16(_product(gates[FORGET_GATE], cell, p.forget_factor))
    new = _int16(_product(gates[INPUT_GATE], gates[CELL_GATE], p.update_factor))
    total = _int16(kept + new)
    return np.clip(total, -p.cell_clip, p.cell_clip) if p.cell_clip else total


def _new_hidden(p: Params, gates: Int64Array, cell: Array) -> Array:
    argument = Sigmoid(p.geometry.units, *tanh_argument(p), -15.0)
    bent = tanh(argument, [cell])[0].astype(np.int64)
    scaled = _product(bent, gates[OUTPUT_GATE], p.hidden_factor) + p.zero_point
    return np.clip(scaled, *dtype_range(p.dtype)).astype(DTYPES[p.dtype])


def _product(a: Int64Array, b: Int64Array, factor: tuple[int, int]) -> Int64Array:
    return multiply_by_quantized_multiplier(a * b, *factor).astype(np.int64)


def _int16(values: Int64Array) -> Int64Array:
    return np.clip(values, -32768, 32767)


def c_fields(p: Params, multiplier: Callable[[int], int] = lambda m: m) -> tuple[Field, ...]:
    """The params of the kernels but for the biases; `multiplier` is as the gates' sums need it."""

    def pair(name: str, factors: Sequence[tuple[int, int]]) -> list[Field]:
        return [
            Field("int32_t", f"{name}_multiplier", tuple(multiplier(m) for m, _ in factors)),
            Field("int32_t", f"{name}_shift", tuple(s for _, s in factors)),
        ]

    scalars = {
        "forget_multiplier": p.forget_factor[0],
        "forget_shift": p.forget_factor[1],
        "update_multiplier": p.update_factor[0],
        "update_shift": p.update_factor[1],
        "hidden_multiplier": p.hidden_factor[0],
        "hidden_shift": p.hidden_factor[1],
        "zero_point": p.zero_point,
        "clip": p.cell_clip,
        "tanh_multiplier": tanh_argument(p)[0],
        "tanh_shift": tanh_argument(p)[1],
    }
    return (
        *p.geometry.c_fields(),
        Field("int8_t", "input_weights", Constant(p.input_weights)),
        Field("int8_t", "recurrent_weights", Constant(p.recurrent_weights)),
        *pair("input", p.input_factors),
        *pair("recurrent", p.recurrent_factors),
        *(Field("int32_t", f"cell.{name}", value) for name, value in scalars.items()),
        Field("uint16_t", "table", Constant(TABLE)),
    )
