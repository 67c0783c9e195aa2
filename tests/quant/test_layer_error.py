"""Noise of int8 operators: known ratios, found by value, blamed on the layer that adds it."""

from typing import Any

import keras
import numpy as np
import pytest

from edgeprune.graph.forward import forward
from edgeprune.graph.ir import Graph
from edgeprune.graph.keras_in import from_keras
from edgeprune.quant.layer_error import LayerError, layer_errors, worst_layers
from edgeprune.tflite.graph import Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.options import Options

L = keras.layers
SCALE = 0.01


def network() -> Graph:
    """x -> conv -> norm -> relu -> other, all of the same size."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2), name="x"),
            L.Conv2D(2, 3, padding="same", name="conv"),
            L.BatchNormalization(name="norm"),
            L.ReLU(name="relu"),
            L.Conv2D(2, 3, padding="same", name="other"),
        ]
    )
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 0.6, weight.shape))
    model.get_layer("norm").beta.assign([-2.0, -2.0])  # so that the ReLU has something to do
    return from_keras(model)


def quantized(*ops: str) -> QuantGraph:
    """A chain of operators over int8 tensors of SCALE, names that say nothing."""
    tensors = tuple(
        Tensor(f"t{number}", "int8", (1, 4, 4, 2), Quantization((SCALE,), (3,)))
        for number in range(len(ops) + 1)
    )
    options: Any = Options
    nodes = tuple(Node(op, 1, (number,), (number + 1,), options) for number, op in enumerate(ops))
    return QuantGraph(tensors, nodes, (0,), (len(ops),))


def integers(values: np.ndarray) -> np.ndarray:
    """Integers whose real value is `values` exactly, where those are whole steps; a step is SCALE."""
    return np.rint(values / SCALE) + 3


def errors_for(noise: tuple[float, float]) -> tuple[LayerError, ...]:
    graph = network()
    x = np.random.default_rng(1).uniform(0.2, 1, (3, 4, 4, 2))
    floats = forward(graph, [x])
    floats = {name: np.rint(values / SCALE) * SCALE for name, values in floats.items()}
    runs = {0: integers(x)}
    for number, (name, ratio) in enumerate(zip(("relu", "other"), noise, strict=True), start=1):
        runs[number] = integers(floats[name]) + ratio * floats[name] / SCALE
    return layer_errors(graph, {k: v for k, v in floats.items() if k != "x"}, quantized("A", "B"), runs)


def test_ratio_is_that_of_the_noise_put_in() -> None:
    first, second = errors_for((0.01, 0.1))  # amplitudes: 40 and 20 dB
    assert first.sqnr_db == pytest.approx(40, abs=1e-6)
    assert second.sqnr_db == pytest.approx(20, abs=1e-6)
    assert first.added_noise == pytest.approx(1e-4)
    assert second.added_noise == pytest.approx(1e-2 - 1e-4)


def test_operator_is_blamed_on_the_layer_with_the_weights() -> None:
    first, second = errors_for((0.01, 0.1))
    assert (first.op, first.layer, first.output) == ("A", "conv", "relu")
    assert (second.op, second.layer, second.output) == ("B", "other", "other")
    assert worst_layers([first, second]) == ("other", "conv")
    assert worst_layers([first, second], count=1) == ("other",)


def test_noise_that_was_there_before_is_not_blamed_on_the_next() -> None:
    first, second = errors_for((0.1, 0.1))
    assert second.added_noise == pytest.approx(0, abs=1e-12)
    assert worst_layers([first, second])[0] == "conv"


def test_exact_operator_has_no_ratio() -> None:
    first, _ = errors_for((0.0, 0.1))
    assert first.sqnr_db is None or first.sqnr_db > 200  # the roundings of float64
    assert first.added_noise < 1e-20


def test_step_inside_a_layer_is_passed_over() -> None:
    found = errors_for((-3.0, 0.1))  # no layer is within 3 dB of the first tensor
    assert [error.op for error in found] == ["B"]
