"""What the operators with state of their own refuse, and how they say so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import ModelError
from edgeprune.ops import OPS, bind
from edgeprune.ops.builder import constant, per_channel, per_tensor
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import SequenceLstmOptions, SvdfOptions

LSTM = next(OPS["UNIDIRECTIONAL_SEQUENCE_LSTM"].cases(np.random.default_rng(0))).graph
LSTM_S16 = next(OPS["UNIDIRECTIONAL_SEQUENCE_LSTM"].others[1].cases(np.random.default_rng(0))).graph
SVDF = next(OPS["SVDF"].cases(np.random.default_rng(0))).graph
SVDF_F32 = next(OPS["SVDF"].others[0].cases(np.random.default_rng(0))).graph
HIDDEN, CELL, STATE = 18, 19, 4


def tensor(position: int, **changes: Any) -> Callable[[QuantGraph], QuantGraph]:
    """The input at `position` (-1: the output) with `changes`."""

    def change(graph: QuantGraph) -> QuantGraph:
        node = graph.nodes[0]
        index = node.outputs[0] if position < 0 else node.inputs[position]
        tensors = list(graph.tensors)
        tensors[index] = replace(tensors[index], **changes)
        return replace(graph, tensors=tuple(tensors))

    return change


def inputs(change: Callable[[list[int]], None]) -> Callable[[QuantGraph], QuantGraph]:
    def changed(graph: QuantGraph) -> QuantGraph:
        given = list(graph.nodes[0].inputs)
        change(given)
        return replace(graph, nodes=(replace(graph.nodes[0], inputs=tuple(given)),))

    return changed


def option(options: Any) -> Callable[[QuantGraph], QuantGraph]:
    return lambda graph: replace(graph, nodes=(replace(graph.nodes[0], options=options),))


def put(target: int, source: int) -> Callable[[QuantGraph], QuantGraph]:
    """The operand at `source` also at `target`."""
    return inputs(lambda given: given.__setitem__(target, given[source]))


def full(position: int, value: int) -> Callable[[QuantGraph], QuantGraph]:
    """The constant at `position` filled with `value`."""

    def change(graph: QuantGraph) -> QuantGraph:
        old = graph.tensors[graph.nodes[0].inputs[position]]
        data = constant(np.full(old.shape, value, old.array().dtype)).data
        return tensor(position, data=data)(graph)

    return change


REFUSED: dict[str, tuple[QuantGraph, Callable[[QuantGraph], QuantGraph], str]] = {
    "LSTM inputs": (LSTM, inputs(lambda given: given.pop()), "has 23 inputs"),
    "LSTM peephole": (LSTM, put(9, 12), "input 9 is there: peepholes"),
    "LSTM projection": (LSTM, put(16, 1), "input 16 is there"),
    "LSTM layer norm": (LSTM, put(23, 12), "input 23 is there"),
    "LSTM no weights": (LSTM, inputs(lambda given: given.__setitem__(1, -1)), "input 1 is missing"),
    "LSTM activation": (LSTM, option(SequenceLstmOptions("RELU")), "activation RELU"),
    "LSTM rank": (LSTM, tensor(0, shape=(1, 6)), "both need rows in two dimensions"),
    "LSTM output": (LSTM, tensor(-1, shape=(1, 2, 4)), "both need rows in two dimensions"),
    "LSTM state shape": (LSTM, tensor(HIDDEN, shape=(2, 2)), "the state 'hidden' is (2, 2), not (1, 4)"),
    "LSTM weights shape": (LSTM, tensor(2, shape=(6, 4)), "is (6, 4), must be (4, 6)"),
    "LSTM bias shape": (LSTM, tensor(12, shape=(2, 2)), "is (2, 2), must be (4,)"),
    "LSTM weights type": (LSTM, tensor(5, dtype="uint8"), "is uint8, must be int8"),
    "LSTM cell type": (LSTM, tensor(CELL, dtype="int8"), "is int8, must be int16"),
    "LSTM no variable": (LSTM, tensor(HIDDEN, is_variable=False), "('hidden') must be a variable"),
    "LSTM one state": (LSTM, put(CELL, HIDDEN), "the variable 'hidden' is given twice"),
    "LSTM weights computed": (LSTM, put(1, 0), "must be a constant"),
    "LSTM channels": (
        LSTM,
        tensor(1, quantization=per_channel([0.1] * 4, 0)),
        "must be quantized with one scale",
    ),
    "LSTM asymmetric weights": (LSTM, tensor(6, quantization=per_tensor(0.01, 3)), "zero point of"),
    "LSTM cell scale": (LSTM, tensor(CELL, quantization=per_tensor(0.0003)), "must be a power of two"),
    "LSTM cell scale tiny": (LSTM, tensor(CELL, quantization=per_tensor(2.0**-40)), "from 2^-30 to 2^2"),
    "LSTM hidden scale": (LSTM, tensor(HIDDEN, quantization=per_tensor(1e-30)), "must be less than 2^30"),
    "LSTM sums": (LSTM, full(13, (1 << 31) - 1), "sums within 32 bits"),
    "LSTM int16 sums": (LSTM_S16, full(13, (1 << 63) - 1), "sums within 47 bits"),
    "LSTM int16 zero point": (LSTM_S16, tensor(0, quantization=per_tensor(0.1, 1)), "int16 needs 0"),
    "LSTM int16 scale": (LSTM_S16, tensor(1, quantization=per_tensor(1e3)), "less than 2^7 times"),
    "SVDF rank": (SVDF, option(SvdfOptions(0)), "6 filters are no groups of 0"),
    "SVDF groups": (SVDF, option(SvdfOptions(4)), "6 filters are no groups of 4"),
    "SVDF input": (SVDF, tensor(0, shape=(1, 1, 7)), "two dimensions"),
    "SVDF weights": (SVDF, tensor(1, shape=(7, 6)), "no groups of 2"),
    "SVDF time": (SVDF, tensor(2, shape=(9, 2)), "must be (6, 2)"),
    "SVDF state": (SVDF, tensor(STATE, shape=(1, 17)), "must be (1, 18)"),
    "SVDF state type": (SVDF, tensor(STATE, dtype="int16"), "is int8, must be int16"),
    "SVDF no variable": (SVDF, tensor(STATE, is_variable=False), "must be a variable"),
    "SVDF no bias": (SVDF, inputs(lambda given: given.__setitem__(3, -1)), "input 3 is missing"),
    "SVDF bias scale": (SVDF, tensor(3, quantization=per_tensor(0.5)), "within 1e-5"),
    "SVDF scales": (SVDF, tensor(-1, quantization=per_tensor(1e-30)), "must be less than 2^30"),
    "SVDF float activation": (SVDF_F32, option(SvdfOptions(2, "TANH")), "fused activation TANH"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name: str) -> None:
    graph, change, reason = REFUSED[name]
    bind(graph)
    with pytest.raises(ModelError) as caught:
        bind(change(graph))
    assert reason in caught.value.message
    assert f"{graph.nodes[0].op} (node 0" in caught.value.message
