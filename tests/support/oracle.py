"""TensorFlow Lite Micro itself, the oracle for what an int8 operator means."""

from collections.abc import Sequence

import numpy as np

from edgeprune.tflite.graph import Array
from support.tools import require_module


def tflm(model: bytes, inputs: Sequence[Array], arena_bytes: int | None = None) -> list[Array]:
    """Run `model` once in TFLM and return its outputs; skips where TFLM is not installed.

    The interpreter raises RuntimeError when TFLM refuses the model.
    """
    return tflm_runs(model, [inputs], arena_bytes)[0]


def tflm_runs(
    model: bytes, runs: Sequence[Sequence[Array]], arena_bytes: int | None = None
) -> list[list[Array]]:
    """Run `model` in one TFLM interpreter for each of `runs`; returns the outputs of each run."""
    require_module("tflite_micro")
    from tflite_micro import runtime

    arena = arena_bytes or len(model) * 10 + (1 << 20)
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena)
    outputs = output_count(model)
    results = []
    for inputs in runs:
        for index, array in enumerate(inputs):
            interpreter.set_input(array, index)
        interpreter.invoke()
        results.append([np.array(interpreter.get_output(i)) for i in range(outputs)])
    return results


def output_count(model: bytes) -> int:
    """How many outputs the first subgraph of `model` has, by TFLM's own schema."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    return int(schema.Model.GetRootAsModel(model, 0).Subgraphs(0).OutputsLength())
