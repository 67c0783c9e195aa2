"""SPACE_TO_BATCH_ND with padding: TFLM leaves it undefined, so LiteRT says what it means."""

from pathlib import Path

import numpy as np
import pytest
from support.kernels import KernelProgram, Run, sanitizing_gcc
from support.tflite_writer import write
from support.tools import require_module

from edgeprune.ops import OPS, evaluate
from edgeprune.ops.base import Case
from edgeprune.ops.space_to_batch_nd.cases import padded_cases
from edgeprune.tflite.graph import Array

CASES = {case.name: case for case in padded_cases()}


def random_input(case: Case) -> Array:
    tensor = case.graph.tensors[case.graph.inputs[0]]
    values = np.random.default_rng(7).integers(-128, 128, tensor.shape)
    return values.astype(tensor.dtype)


@pytest.mark.parametrize("name", CASES)
def test_padding_is_litert(name: str) -> None:
    litert = require_module("ai_edge_litert.interpreter")
    graph, x = CASES[name].graph, random_input(CASES[name])
    interpreter = litert.Interpreter(
        model_content=write(graph), experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    (got,) = evaluate(graph, [x])
    assert (wanted.dtype, wanted.shape, wanted.tobytes()) == (got.dtype, got.shape, got.tobytes())


def test_padding_in_c(tmp_path: Path) -> None:
    cases = list(CASES.values())
    program = KernelProgram(OPS["SPACE_TO_BATCH_ND"], cases, tmp_path, sanitizing_gcc())
    runs = [Run(i, (random_input(case),)) for i, case in enumerate(cases)]
    for case, run, got in zip(cases, runs, program.outputs(runs), strict=True):
        (wanted,) = evaluate(case.graph, run.inputs)
        assert wanted.tobytes() == got[0], case.name
