"""Every operator x case x input: reader, reference, TFLM and C kernels agree bit for bit."""

import importlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.kernels import (
    OPS_FOLDER,
    WARNINGS,
    KernelProgram,
    Run,
    compile_c,
    copy_kernels,
    kernel_sources,
    sanitizing_gcc,
    sanitizing_zig,
    zig_cc,
)
from support.oracle import tflm_runs
from support.tflite_writer import write
from support.tools import missing

from edgeprune.errors import ModelError
from edgeprune.ops import OPS, ReferenceModel, all_ops
from edgeprune.ops.base import Case, Op
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph
from edgeprune.tflite.read import read

SEED = 20241122
RANDOM_RUNS = 2


@dataclass(frozen=True)
class Example:
    """A case, its inputs and what the references make of them, run after run."""

    case: Case
    inputs: list[tuple[Array, ...]]
    outputs: list[list[Array]]


def inputs_of(graph: QuantGraph, rng: np.random.Generator) -> list[tuple[Array, ...]]:
    """Random, all lowest, all highest values for the inputs of `graph`."""
    tensors = [graph.tensors[i] for i in graph.inputs]
    runs = [tuple(random_array(t.dtype, t.shape, rng) for t in tensors) for _ in range(RANDOM_RUNS)]
    for end in (0, 1):
        runs.append(tuple(np.full(t.shape, extremes(t.dtype)[end], DTYPES[t.dtype]) for t in tensors))
    return runs


def extremes(dtype: str) -> tuple[float, float]:
    if dtype == "float32":
        return -1e4, 1e4
    if dtype == "bool":
        return 0, 1
    return np.iinfo(DTYPES[dtype]).min, np.iinfo(DTYPES[dtype]).max


def random_array(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if dtype == "float32":
        return rng.normal(scale=4, size=shape).astype(np.float32)
    low, high = extremes(dtype)
    return rng.integers(low, high, size=shape, dtype=DTYPES[dtype], endpoint=True)


@pytest.fixture(scope="module")
def examples_of() -> dict[str, list[Example]]:
    """Filled as operators are tested, so that their references run once."""
    return {}


def examples(cache: dict[str, list[Example]], name: str) -> list[Example]:
    if name not in cache:
        rng = np.random.default_rng(SEED)
        cache[name] = []
        for case in EVERY_OP[name].cases(rng):
            inputs = inputs_of(case.graph, rng)
            model = ReferenceModel(case.graph)
            cache[name].append(Example(case, inputs, [model.run(run) for run in inputs]))
    return cache[name]


def label(op: Op) -> str:
    """An operator on some types: "CONV_2D", "CONV_2D float32"."""
    return " ".join((op.name, *(op.types if OPS[op.name] is not op else ())))


COPIES = {"READ_VARIABLE", "ASSIGN_VARIABLE"}
"""They make sense only together: tests/codegen/test_state.py compiles their cases."""
EVERY_OP = {label(op): op for op in all_ops()}


def differences(expected: Array, actual: Array) -> str:
    """Where two arrays of one shape differ, for the failure's message."""
    places = np.argwhere(expected != actual)
    first = tuple(int(i) for i in places[0]) if len(places) else None
    return f"{len(places)} of {expected.size} differ, first at {first}"


def test_every_operator_folder_is_in_the_table() -> None:
    made: list[Op] = []
    for path in sorted(OPS_FOLDER.glob("*/*.py")):
        module = importlib.import_module(f"edgeprune.ops.{path.parent.name}.{path.stem}")
        made += [value for value in vars(module).values() if isinstance(value, Op)]
    assert {id(op) for op in made} == {id(op) for op in all_ops()}
    assert all(op.name == main.name for main in OPS for op in main.others)


@pytest.mark.parametrize("name", EVERY_OP)
def test_cases_are_many_and_distinct(name: str, examples_of: dict[str, list[Example]]) -> None:
    names = [example.case.name for example in examples(examples_of, name)]
    assert len(names) >= 3
    assert len(set(names)) == len(names)
    for example in examples_of[name]:
        graph = example.case.graph
        ops = [OPS[node.op].of(graph, node) for node in graph.nodes]
        assert ops == [EVERY_OP[name]] or {op.name for op in ops} == COPIES, example.case.name


@pytest.mark.parametrize("name", EVERY_OP)
def test_what_is_written_is_read_again(name: str, examples_of: dict[str, list[Example]]) -> None:
    for example in examples(examples_of, name):
        graph = example.case.graph
        shapes = [graph.tensors[i].shape for i in graph.inputs]
        if any(shape[0] != 1 for shape in shapes if len(shape) > 1):  # BATCH_TO_SPACE_ND has no others
            with pytest.raises(ModelError, match="only 1 is supported"):
                read(write(graph))
            continue
        assert read(write(graph)) == graph, example.case.name


@pytest.mark.parametrize("name", EVERY_OP)
def test_reference_is_tflm(name: str, examples_of: dict[str, list[Example]]) -> None:
    for example in examples(examples_of, name):
        results = tflm_runs(write(example.case.graph), example.inputs)
        for run, (expected, actual) in enumerate(zip(results, example.outputs, strict=True)):
            for wanted, got in zip(expected, actual, strict=True):
                same = wanted.dtype == got.dtype and wanted.tobytes() == got.tobytes()
                assert same, f"{example.case.name}, run {run}: {differences(wanted, got)}"


@pytest.mark.parametrize("compiler", [sanitizing_zig, sanitizing_gcc])
@pytest.mark.parametrize(
    "name", [name for name, op in EVERY_OP.items() if not op.is_alias and op.name not in COPIES]
)
def test_kernel_is_reference(
    name: str, compiler: object, examples_of: dict[str, list[Example]], tmp_path: Path
) -> None:
    assert callable(compiler)
    family = examples(examples_of, name)
    program = KernelProgram(EVERY_OP[name], [example.case for example in family], tmp_path, compiler())
    runs = [Run(i, run) for i, example in enumerate(family) for run in example.inputs]
    expected = [outputs for example in family for outputs in example.outputs]
    for run, wanted, got in zip(runs, expected, program.outputs(runs), strict=True):
        for array, data in zip(wanted, got, strict=True):
            actual = np.frombuffer(data, array.dtype).reshape(array.shape)
            same = array.tobytes() == data
            assert same, f"{family[run.case].case.name}: {differences(array, actual)}"


def cross_compilers() -> Sequence[str]:
    return ["gcc", "arm-none-eabi-gcc", "zig-arm"]


@pytest.mark.parametrize("compiler", cross_compilers())
def test_kernels_compile_without_warnings(compiler: str, tmp_path: Path) -> None:
    arm = ["-mthumb", "-O2", "-ffreestanding"]
    if compiler == "zig-arm":
        command = [*zig_cc(), "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", *arm]
    elif shutil.which(compiler) is None:
        missing(f"the program {compiler}")
    else:
        command = [compiler, *(["-mcpu=cortex-m4", *arm] if compiler.startswith("arm") else ["-O2"])]
    # Faster twins are for one CPU: whoever adds them compiles them.
    twins = ("_dsp", "_m0", "_mve", "_neon", "_dot")
    portable = {path.stem for path in kernel_sources() if not path.stem.endswith(twins)}
    sources = copy_kernels(portable, tmp_path)
    assert sources
    compile_c([*command, *WARNINGS, "-c", *map(str, sources)], tmp_path)
