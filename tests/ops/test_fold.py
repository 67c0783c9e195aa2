"""Folding: what is known when the network is compiled is computed then, and nothing else changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.oracle import tflm_runs

from edgeprune.errors import ModelError
from edgeprune.ops import evaluate
from edgeprune.ops.builder import Step, activation, constant, network, one_op, variable
from edgeprune.ops.fold import MAX_FOLDED_BYTES, fold
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import PackOptions, StridedSliceOptions
from edgeprune.tflite.read import read


def ints(*values: int) -> Tensor:
    return constant(np.array(values, np.int32))


def flattening() -> QuantGraph:
    """What Keras makes of Flatten: the batch out of the shape, packed with the number of elements."""
    x, y = activation((1, 2, 3), 0.25), activation((1, 6), 0.25)
    shape, batch = activation((3,), dtype="int32"), activation((), dtype="int32")
    wanted = activation((2,), dtype="int32")
    six = constant(np.array(6, np.int32))
    return network(
        [
            Step("SHAPE", [x], [shape]),
            Step(
                "STRIDED_SLICE",
                [shape, ints(0), ints(1), ints(1)],
                [batch],
                StridedSliceOptions(shrink_axis_mask=1),
            ),
            Step("PACK", [batch, six], [wanted], PackOptions(2, 0)),
            Step("RESHAPE", [x, wanted], [y]),
        ],
        [x],
        [y],
    )


def test_shape_arithmetic_becomes_a_constant() -> None:
    graph = flattening()
    folded = fold(graph)
    assert [node.op for node in folded.nodes] == ["RESHAPE"]
    assert folded.tensors[folded.nodes[0].inputs[1]].array().tolist() == [1, 6]
    assert (folded.inputs, folded.outputs) == (graph.inputs, graph.outputs)
    x = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    assert [a.tolist() for a in evaluate(folded, [x])] == [a.tolist() for a in evaluate(graph, [x])]
    assert fold(folded) == folded


def joined_to_constant(count: int) -> QuantGraph:
    """A network that appends to its input what it computes from a constant of `count` numbers."""
    x, total = activation((1, count), 0.5), activation((1, count), 1.0)
    halves, scaled = constant(np.ones((1, count), np.float32)), activation((1, count), 0.5)
    steps = [Step("QUANTIZE", [halves], [scaled]), Step("CONCATENATION", [x, scaled], [total])]
    return network(steps, [x], [scaled])


def test_outputs_of_the_network_stay_computed() -> None:
    graph = joined_to_constant(3)
    assert fold(replace(graph, nodes=graph.nodes[:1])) == replace(graph, nodes=graph.nodes[:1])


@pytest.mark.parametrize(("count", "left"), [(MAX_FOLDED_BYTES, 1), (MAX_FOLDED_BYTES + 1, 2)])
def test_large_results_stay_computed(count: int, left: int) -> None:
    graph = joined_to_constant(count)
    assert len(fold(replace(graph, outputs=graph.nodes[1].outputs)).nodes) == left


def test_variables_stay() -> None:
    state = variable(np.zeros((1, 2), np.int8), "state")
    graph = one_op("ASSIGN_VARIABLE", [constant(np.ones((1, 2), np.int8))], state)
    assert fold(graph) == graph


def test_what_is_not_supported_is_refused() -> None:
    graph = flattening()
    wrong = replace(graph.nodes[2], options=PackOptions(3, 0))
    with pytest.raises(ModelError, match="one input for each index"):
        fold(replace(graph, nodes=(*graph.nodes[:2], wrong, graph.nodes[3])))


def test_model_of_shape_arithmetic_is_tflm(shared_data: Path) -> None:
    data = (shared_data / "tflite/mltk/anomaly_detection/anomaly_detection.tflite").read_bytes()
    graph = read(data)
    folded = fold(graph)
    assert {"SHAPE", "PACK", "STRIDED_SLICE"}.isdisjoint(node.op for node in folded.nodes)
    rng = np.random.default_rng(5)
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [[rng.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(3)]
    for inputs, outputs in zip(runs, tflm_runs(data, runs), strict=True):
        for wanted, got, whole in zip(
            outputs, evaluate(folded, inputs), evaluate(graph, inputs), strict=True
        ):
            assert wanted.tobytes() == got.tobytes() == whole.tobytes()
