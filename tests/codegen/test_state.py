"""Networks with state as C: runs in a row and after a reset are the reference's, and TFLM's."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.oracle import tflm_runs
from support.tools import require_module, require_tool

from edgeprune.codegen.generate import GeneratedC, generate
from edgeprune.device.hostlib import ASAN_FLAGS, HostModel, SanitizedModel
from edgeprune.errors import InternalError, ModelError
from edgeprune.memory import plan_memory
from edgeprune.memory.check import check_state
from edgeprune.memory.live import live_ranges
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import OPS, ReferenceModel, bind
from edgeprune.ops.base import Case
from edgeprune.ops.builder import Step, activation, network, per_tensor, variable
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph, Tensor
from edgeprune.tflite.options import ArithmeticOptions
from edgeprune.tflite.read import read

RUNS = 4
MODELS = [
    *(
        f"tflite/micro_wake_word/{name}.tflite"
        for name in (
            "v1_alexa",
            "v1_hey_jarvis",
            "v2_alexa",
            "v2_choo_choo_homie",
            "v2_hey_jarvis",
            "v2_hey_peppa_pig",
            "v2_okay_nabu",
            "v2_vad",
        )
    ),
    "tflite/coral/keras_lstm_mnist_ptq.tflite",
    "tflite/tflm/dtln_noise_suppression.tflite",
    "tflite/tflm/trained_lstm.tflite",
    "tflite/tflm/trained_lstm_int8.tflite",
]


def compiled(graph: QuantGraph, planner: str = "search") -> GeneratedC:
    return generate(graph, plan_memory(graph, PLANNERS[planner]), name="state", model_sha256="0" * 64)


def written(generated: GeneratedC, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in generated.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def random_array(tensor: Tensor, rng: np.random.Generator) -> Array:
    if tensor.dtype == "float32":
        return rng.normal(size=tensor.shape).astype(np.float32)
    limits = np.iinfo(DTYPES[tensor.dtype])
    return rng.integers(limits.min, limits.max, tensor.shape, DTYPES[tensor.dtype], endpoint=True)


def random_runs(graph: QuantGraph, rng: np.random.Generator) -> list[list[Array]]:
    return [[random_array(graph.tensors[i], rng) for i in graph.inputs] for _ in range(RUNS)]


def same(left: Sequence[Sequence[Array]], right: Sequence[Sequence[Array]]) -> bool:
    pairs = [pair for runs in zip(left, right, strict=True) for pair in zip(*runs, strict=True)]
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def with_every_value_out(data: bytes) -> bytes:
    """The model with what feeds its last operators as further outputs: the last is often a mere yes or no."""
    require_module("tflite_micro")
    flatbuffers = require_module("flatbuffers")
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    main = model.subgraphs[0]
    made = [
        int(i) for node in main.operators[-8:] for i in (node.outputs if node.outputs is not None else [])
    ]
    main.outputs = list(dict.fromkeys([*map(int, main.outputs), *made]))
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("name", MODELS)
def test_a_published_model_is_tflm_run_after_run(name: str, shared_data: Path, tmp_path: Path) -> None:
    require_module("ziglang")
    data = with_every_value_out((shared_data / name).read_bytes())
    graph = read(data)
    assert graph.variables
    runs = random_runs(graph, np.random.default_rng(5))
    reference = ReferenceModel(graph)
    expected = [reference.run(run) for run in runs]
    assert same(tflm_runs(data, runs), expected)
    host = HostModel(written(compiled(graph), tmp_path), graph)
    assert same([host.run(run) for run in runs], expected)
    assert not same([host.run(run) for run in runs], expected)  # the state has gone on
    host.reset()
    reference.reset()
    assert same([host.run(run) for run in runs], expected)
    assert same([reference.run(run) for run in runs], expected)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
def test_a_published_model_on_a_core(core: str, shared_data: Path) -> None:
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    graph = read((shared_data / "tflite/tflm/trained_lstm_int8.tflite").read_bytes())
    runs = random_runs(graph, np.random.default_rng(5))
    reference, model = ReferenceModel(graph), CoreModel(graph, Goal(core))
    expected = [reference.run(run) for run in runs]
    for _ in range(2):
        assert same([model.run(run) for run in runs], expected)
        model.reset()


def copies() -> list[Case]:
    cases = [case for name in ("READ_VARIABLE", "ASSIGN_VARIABLE") for case in OPS[name].cases(RNG)]
    cases.append(Case("sum of all inputs", accumulator()))
    return [*cases, *(Case(f"random {seed}", random_network(seed)) for seed in range(40))]


def accumulator() -> QuantGraph:
    """The sum may not be made in the variable's place, which it is made from."""
    x, old, y = (activation((1, 6), 0.1) for _ in range(3))
    state = variable(np.zeros((1, 6), np.int8), "sum", per_tensor(0.1))
    steps = [
        Step("READ_VARIABLE", [state], [old]),
        Step("ADD", [old, x], [y], ArithmeticOptions()),
        Step("ASSIGN_VARIABLE", [y], [state]),
    ]
    return network(steps, [x], [y])


RNG = np.random.default_rng(4)


def random_network(seed: int) -> QuantGraph:
    """Reads, assignments, sums and reshapes of a few variables, in any order."""
    rng = np.random.default_rng(seed)
    x = activation((1, 6), 0.1, 3)
    variables = [
        variable(rng.integers(-128, 128, (1, 6)).astype(np.int8), f"v{i}", per_tensor(0.1, 3))
        for i in range(rng.integers(1, 4))
    ]
    values, steps = [x], [Step("ASSIGN_VARIABLE", [x], [v]) for v in variables if rng.random() < 0.3]
    for _ in range(rng.integers(3, 14)):
        pick = values[rng.integers(len(values))]
        state = variables[rng.integers(len(variables))]
        kind = rng.integers(5)
        made = activation((1, 6), 0.1, 3)
        if kind <= 1:
            steps.append(Step("ASSIGN_VARIABLE", [pick], [state]))
            continue
        if kind == 2:
            steps.append(Step("READ_VARIABLE", [state], [made]))
        elif kind == 3:
            other = values[rng.integers(len(values))]
            steps.append(Step("ADD", [pick, other], [made], ArithmeticOptions()))
        else:
            steps.append(Step("RESHAPE", [pick], [made]))
        values.append(made)
    last = activation((1, 6), 0.1, 3)
    steps.append(Step("ADD", [values[-1], x], [last], ArithmeticOptions()))
    assigned = {id(step.outputs[0]) for step in steps if step.op == "ASSIGN_VARIABLE"}
    steps += [Step("ASSIGN_VARIABLE", [last], [v]) for v in variables if id(v) not in assigned]
    some = [value for value in values[1:] if rng.random() < 0.4]
    return network(steps, [x], [*some, last])


@pytest.mark.parametrize("case", copies(), ids=lambda case: case.name)
def test_variables_are_copied_where_they_must_be(case: Case, tmp_path: Path) -> None:
    gcc = require_tool("gcc")
    graph = case.graph
    runs = random_runs(graph, np.random.default_rng(1))
    reference = ReferenceModel(graph)
    expected = [reference.run(run) for run in runs]
    (tmp_path / "work").mkdir()
    sources = written(compiled(graph), tmp_path / "src")
    model = SanitizedModel(sources, graph, tmp_path / "work", [gcc], ASAN_FLAGS)
    assert same(model.runs(runs), expected)


def test_copies_are_left_out_where_they_can_be(shared_data: Path) -> None:
    for path in sorted((shared_data / "tflite" / "micro_wake_word").glob("v2_*.tflite")):
        assert not [layer for layer in compiled(read(path.read_bytes())).layers if "VARIABLE" in layer.op]
    kept = {
        case.name: sum("VARIABLE" in layer.op for layer in compiled(case.graph).layers) for case in copies()
    }
    assert kept["the value of this run"] == 1
    assert kept["before and after"] == 2
    assert kept["exchanged"] == 4
    total = sum(node.op.endswith("VARIABLE") for case in copies() for node in case.graph.nodes)
    assert sum(kept.values()) < 0.8 * total


def one_copy_too_few(graph: QuantGraph) -> list[tuple[tuple[int, ...], frozenset[int]]]:
    """Roots and silent nodes of `graph`, with one of the copies that are made left out."""
    nodes = bind(graph)
    live = live_ranges(graph, nodes)
    wrong = []
    for position, bound in enumerate(nodes):
        if "VARIABLE" in bound.node.op and position not in live.silent:
            source, target = bound.node.inputs[0], bound.node.outputs[0]
            value, state = (target, source) if bound.node.op == "READ_VARIABLE" else (source, target)
            old = live.roots[value]
            roots = tuple(live.roots[state] if root == old else root for root in live.roots)
            wrong.append((roots, live.silent | {position}))
    return wrong


def test_no_network_gets_a_copy_too_few() -> None:
    for seed in range(1000, 1600):
        graph = random_network(seed)
        nodes = bind(graph)
        live = live_ranges(graph, nodes)
        check_state(graph, nodes, live.roots, live.silent)


def test_the_checker_finds_copies_that_are_missing() -> None:
    found, missed = 0, []
    for case in copies():
        nodes = bind(case.graph)
        live = live_ranges(case.graph, nodes)
        check_state(case.graph, nodes, live.roots, live.silent)
        for roots, silent in one_copy_too_few(case.graph):
            try:
                check_state(case.graph, nodes, roots, silent)
            except InternalError as error:
                assert re.search(
                    "would find another|would write what it reads|another tensor's", error.message
                )
                found += 1
            else:
                missed.append((case.name, sorted(silent - live.silent)))
    assert found > 100
    assert len(missed) < found / 20, missed  # assignments of the very value that is there already


def test_variables_are_live_in_all_steps_and_overlap_nothing() -> None:
    for case in copies():
        graph = case.graph
        live = live_ranges(graph, bind(graph))
        for planner in PLANNERS:
            plan = plan_memory(graph, planner)
            for index in graph.variables:
                kept = live.storage[index]
                assert (kept.start, kept.stop) == (-1, len(live.steps) + 1)
                first, last = plan.offsets[kept], plan.offsets[kept] + kept.size_bytes
                for other, at in plan.offsets.items():
                    assert other == kept or at >= last or at + other.size_bytes <= first


def test_the_text_of_a_reset() -> None:
    start = variable(np.arange(4, dtype=np.int8)[None], "ramp", per_tensor(0.1))
    even = variable(np.full((1, 4), -1, np.int8), "even /* */", per_tensor(0.1, -1))
    x, y = activation((1, 4), 0.1), activation((1, 4), 0.1, -1)
    steps = [Step("READ_VARIABLE", [even], [y]), Step("ASSIGN_VARIABLE", [x], [start])]
    generated = compiled(network(steps, [x], [y]))
    text = generated.files["model.c"]
    reset = text[text.index("void ep_model_reset") : text.index("void ep_model_run")]
    assert reset.count("ep_arena[") == 2
    assert "+ i] = 255u;" in reset
    assert "+ i] = ep_data_start" in reset
    assert "/* even / * * /: int8 (4) */" in reset
    assert "#define EP_STATE_BYTES 8 " in generated.files["model.h"]
    assert sorted(size for _, size in generated.variables) == [4, 4]


def test_an_output_that_is_a_variable_is_refused() -> None:
    x, y = activation((1, 4), 0.1), activation((1, 4), 0.1)
    state = variable(np.zeros((1, 4), np.int8), "v", per_tensor(0.1))
    graph = network([Step("ADD", [x, state], [y], ArithmeticOptions())], [x], [y])
    with pytest.raises(ModelError, match="is a variable"):
        compiled(graph)
