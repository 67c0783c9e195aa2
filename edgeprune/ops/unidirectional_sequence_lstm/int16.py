"""UNIDIRECTIONAL_SEQUENCE_LSTM with int16 activations and int8 weights: sums have 64 bits, and round once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from edgeprune.ops.base import Case, Constant, Field, KernelCall, Op
from edgeprune.ops.fixedpoint64 import MAX_SHIFT_64, MAX_SUM_64, multiply_64, reduced_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.ops.unidirectional_sequence_lstm import integer
from edgeprune.ops.unidirectional_sequence_lstm.cases import SHAPES, graph
from edgeprune.ops.unidirectional_sequence_lstm.integer import (
    Params,
    c_fields,
    cell_scale_is_a_power_of_two,
    factors_are_small,
    read_integer,
)
from edgeprune.ops.unidirectional_sequence_lstm.operands import (
    BIASES,
    CELL,
    HIDDEN,
    check_dtypes,
    read_geometry,
    stacked,
)
from edgeprune.ops.wide import int16_tensor
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    geometry = read_geometry(operands)
    check_dtypes(operands, activations="int16", weights="int8", biases="int64", cell="int16")
    int16_tensor(operands, operands.input(0))
    int16_tensor(operands, operands.input(HIDDEN))
    bias = stacked(operands, BIASES).astype(np.int64)
    # A bias near 2^63 would overflow in the bound below, too.
    clipped = np.clip(bias, -MAX_SUM_64, MAX_SUM_64)
    return replace(read_integer(operands, geometry, clipped), input_bias=bias)


def sums_fit(p: Params) -> bool:
    """The weights and biases of every unit must keep its sums within 47 bits."""
    return p.largest_sum < MAX_SUM_64


def gate_shifts_fit(p: Params) -> bool:
    """Sums must be less than 2^7 times the gates' scale, 2^-12."""
    return all(-31 <= shift <= MAX_SHIFT_64 for _, shift in (*p.input_factors, *p.recurrent_factors))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the output, and the new hidden and cell state."""
    return integer.reference(p, inputs, multiply_64)


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; weights and biases are in its params, stacked."""
    fields = (
        *c_fields(p, lambda m: int(reduced_multiplier(m))),
        Field("int64_t", "input_bias", Constant(p.input_bias)),
    )
    state = (node.inputs[HIDDEN], node.inputs[CELL])
    return KernelCall("ep_lstm_s16", fields, node.inputs[:1], node.outputs, state=state)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases of int8, but for the zero points."""
    for name, shape in SHAPES.items():
        if "zero points" not in name:
            yield Case(name, graph(rng, shape, "int16"))


LSTM_S16 = Op(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    read,
    (cell_scale_is_a_power_of_two, factors_are_small, gate_shifts_fit, sums_fit),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int16",),
    variables=(HIDDEN, CELL),
)
