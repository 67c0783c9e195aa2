"""SOFTMAX where TFLM has no answer: rows whose exponentials sum to 512 or more."""

from pathlib import Path

import numpy as np
import pytest
from support.kernels import KernelProgram, Run, sanitizing_gcc

from edgeprune.ops import OPS, evaluate
from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.graph import Array
from edgeprune.tflite.options import SoftmaxOptions

DEPTH = 4095
OUTPUT = (1 / 256, -128)


def rows() -> dict[str, Array]:
    """Rows of `DEPTH` elements with sums of about 1, just below and just above 512, and the most."""
    lonely = np.full(DEPTH, -128)
    lonely[17] = 127
    below, above = lonely.copy(), lonely.copy()
    below[:511] = 127
    above[:512] = 127
    arrays = {"lonely": lonely, "below": below, "above": above, "equal": np.full(DEPTH, 5)}
    return {name: array.astype(np.int8).reshape(1, DEPTH) for name, array in arrays.items()}


def test_long_rows_round_to_zero_on_reference_and_kernel(tmp_path: Path) -> None:
    x, out = activation((1, DEPTH), 1.0, 0), activation((1, DEPTH), *OUTPUT)
    case = Case("long", one_op("SOFTMAX", [x], out, SoftmaxOptions()))
    inputs = rows()
    expected = {name: evaluate(case.graph, [row])[0] for name, row in inputs.items()}
    assert expected["lonely"][0, 17] == 127
    assert expected["lonely"].min() == -128
    assert expected["below"].max() == -127, "1/511 is more than half a step of 1/256"
    assert expected["above"].max() == -128
    assert expected["equal"].max() == -128
    program = KernelProgram(OPS["SOFTMAX"], [case], tmp_path, sanitizing_gcc())
    outputs = program.outputs([Run(0, (row,)) for row in inputs.values()])
    for name, (data,) in zip(inputs, outputs, strict=True):
        assert data == expected[name].tobytes(), name


@pytest.mark.parametrize("scale", [0.02, 0.1, 0.5])
def test_reference_is_near_softmax(scale: float) -> None:
    graph = one_op("SOFTMAX", [activation((1, 20), scale, 0)], activation((1, 20), *OUTPUT), SoftmaxOptions())
    x = np.random.default_rng(3).integers(-128, 128, (1, 20)).astype(np.int8)
    (actual,) = evaluate(graph, [x])
    exps = np.exp(x * float(np.float32(scale)))
    exact = np.clip(exps / exps.sum() * 256 - 128, -128, 127)
    # Half a step of rounding; sums in Q12 of 20 terms are off by less than 20 * 2^-20.
    assert np.abs(actual - exact).max() <= 0.51
