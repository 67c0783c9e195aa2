"""QUANTIZE of float32: ties, neighbours of ties, and values that no integer can hold."""

from pathlib import Path

import numpy as np
from support.kernels import KernelProgram, Run, sanitizing_gcc
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.ops import OPS, evaluate
from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.graph import Array, QuantGraph


def network(elements: int, scale: float, zero_point: int) -> QuantGraph:
    return one_op(
        "QUANTIZE",
        [activation((1, elements), dtype="float32")],
        activation((1, elements), scale, zero_point),
    )


def kernel_output(graph: QuantGraph, x: Array, folder: Path) -> Array:
    folder.mkdir()
    program = KernelProgram(OPS["QUANTIZE"], [Case("one", graph)], folder, sanitizing_gcc())
    ((data,),) = program.outputs([Run(0, (x,))])
    return np.frombuffer(data, np.int8).reshape(x.shape)


def test_ties_go_away_from_zero_as_in_tflm(tmp_path: Path) -> None:
    for number, (scale, zero_point) in enumerate([(0.25, 0), (0.1, -5), (3.0, 127), (1e-3, -128)]):
        ties = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
        around = [np.nextafter(ties, np.float32(to), dtype=np.float32) for to in (-np.inf, np.inf)]
        x = np.concatenate([ties, *around]).reshape(1, -1)
        graph = network(x.size, scale, zero_point)
        (expected,) = tflm(write(graph), [x])
        np.testing.assert_array_equal(evaluate(graph, [x])[0], expected)
        np.testing.assert_array_equal(kernel_output(graph, x, tmp_path / str(number)), expected)
    assert evaluate(network(4, 0.5, 0), [np.float32([[0.25, -0.25, 0.75, -0.75]])])[0].tolist() == [
        [1, -1, 2, -2]
    ]


def test_infinities_saturate_and_nan_is_the_zero_point(tmp_path: Path) -> None:
    x = np.float32([[np.inf, -np.inf, np.nan, -np.nan, 3e38, -3e38, 6.0, -6.0, 0.0, -0.0, 1e-45]])
    for zero_point in (-128, -7, 0, 127):
        graph = network(x.size, 0.01, zero_point)
        ends = [127, -128]
        expected = [[*ends, zero_point, zero_point, *ends, *ends, zero_point, zero_point, zero_point]]
        assert evaluate(graph, [x])[0].tolist() == expected
        assert kernel_output(graph, x, tmp_path / str(zero_point)).tolist() == expected
