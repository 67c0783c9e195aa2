"""UNIDIRECTIONAL_SEQUENCE_LSTM, int8: see operands.py for what it computes."""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.ops.unidirectional_sequence_lstm import integer
from edgeprune.ops.unidirectional_sequence_lstm.cases import cases
from edgeprune.ops.unidirectional_sequence_lstm.float32 import LSTM_F32
from edgeprune.ops.unidirectional_sequence_lstm.int16 import LSTM_S16
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
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The params of `node`; raises ModelError."""
    operands = Operands(graph, node)
    geometry = read_geometry(operands)
    check_dtypes(operands, activations="int8", weights="int8", biases="int32", cell="int16")
    return read_integer(operands, geometry, stacked(operands, BIASES).astype(np.int64))


def sums_fit(p: Params) -> bool:
    """The weights and biases of every unit must keep its sums within 32 bits."""
    return p.largest_sum < 1 << 31


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes: the output, and the new hidden and cell state."""
    return integer.reference(p, inputs, multiply_by_quantized_multiplier)


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; weights and biases are in its params, stacked."""
    fields = (
        *c_fields(p),
        Field("int32_t", "input_bias", Constant(p.input_bias.astype(np.int32))),
        Field("int32_t", "recurrent_bias", Constant(p.recurrent_bias.astype(np.int32))),
    )
    state = (node.inputs[HIDDEN], node.inputs[CELL])
    return KernelCall("ep_lstm_s8", fields, node.inputs[:1], node.outputs, state=state)


UNIDIRECTIONAL_SEQUENCE_LSTM = Op(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    read,
    (cell_scale_is_a_power_of_two, factors_are_small, sums_fit),
    reference,
    kernel,
    cases,
    lambda p: p.geometry.macs,
    types=("int8",),
    others=(LSTM_F32, LSTM_S16),
    variables=(HIDDEN, CELL),
)
