"""Generated C: a golden text, its meaning on this computer, and what is refused."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.networks import NetworkBuilder, tiny_network
from support.oracle import tflm
from support.tools import require_module, require_tool

from edgeprune.codegen.generate import generate
from edgeprune.codegen.kernels import c_files, kernel_files
from edgeprune.device.hostlib import ASAN_FLAGS, HostModel, SanitizedModel, model_sources
from edgeprune.errors import DataError, InternalError, ModelError, ToolError, UsageError
from edgeprune.memory import plan_memory
from edgeprune.memory.plan import MemoryPlan
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import all_ops, evaluate
from edgeprune.ops.base import Constant
from edgeprune.tflite.graph import DTYPES
from edgeprune.tflite.read import read

GOLDEN = Path(__file__).parent / "golden"
SHA256 = "0123456789abcdef" * 4


def make(graph, name="tiny", planner="search"):
    return generate(graph, plan_memory(graph, PLANNERS[planner]), name=name, model_sha256=SHA256)


def write(generated, folder):
    folder.mkdir(exist_ok=True)
    for name, text in generated.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def random_inputs(graph, seed=0):
    rng = np.random.default_rng(seed)
    tensors = [graph.tensors[i] for i in graph.inputs]
    return [rng.integers(-128, 128, tensor.shape).astype(DTYPES[tensor.dtype]) for tensor in tensors]


def equal(left, right):
    return len(left) == len(right) and all(map(np.array_equal, left, right))


@pytest.mark.parametrize("name", ["model.h", "model.c", "model_data.h", "model_data.c"])
def test_the_generated_text_is_the_golden_one(name, golden):
    golden(GOLDEN / "tiny" / name, make(tiny_network()).files[name])


def test_equal_arguments_give_equal_files_in_equal_order():
    first, second = make(tiny_network()), make(tiny_network())
    assert first == second
    assert list(first.files) == list(second.files)


def test_layers_are_the_nodes_that_run_a_kernel():
    layers = make(tiny_network()).layers
    assert [(layer.index, layer.name, layer.op) for layer in layers] == [
        (0, "stem", "CONV_2D"),
        (1, "pool", "MAX_POOL_2D"),
        (2, "dense", "FULLY_CONNECTED"),
        (3, "softmax", "SOFTMAX"),
    ]
    assert (layers[0].macs, layers[2].macs) == (6 * 6 * 4 * 3 * 3 * 2, 36 * 3)


def test_host_model_computes_what_the_references_do(tmp_path):
    require_module("ziglang")
    graph = tiny_network()
    host = HostModel(write(make(graph), tmp_path / "src"), graph)
    rows = [random_inputs(graph, seed) for seed in range(5)]
    for row in rows:
        assert equal(host.run(row), evaluate(graph, row))
    many = host.run_many(np.concatenate([row[0] for row in rows]))
    assert np.array_equal(many, np.concatenate([evaluate(graph, row)[0] for row in rows]))


@pytest.mark.parametrize("planner", PLANNERS.names)
def test_the_generated_c_is_clean_under_sanitizers(planner, tmp_path):
    gcc = require_tool("gcc")
    graph = tiny_network()
    sources = write(make(graph, planner=planner), tmp_path / "src")
    (tmp_path / "work").mkdir()
    model = SanitizedModel(sources, graph, tmp_path / "work", [gcc], ASAN_FLAGS)
    for seed in range(3):
        row = random_inputs(graph, seed)
        assert equal(model.run(row), evaluate(graph, row))


def test_a_sanitizer_that_ends_the_child_is_an_error_here(tmp_path):
    require_module("ziglang")
    graph = tiny_network()
    sources = write(make(graph), tmp_path / "src")
    text = (sources / "model.c").read_text()
    overflow = "    volatile int32_t number = INT32_MAX;\n    number = number + 1;\n"
    start = "void ep_model_run(void)\n{\n"
    assert start in text
    (sources / "model.c").write_text(text.replace(start, start + overflow))
    (tmp_path / "work").mkdir()
    model = SanitizedModel(sources, graph, tmp_path / "work")
    with pytest.raises(ToolError, match="sanitized model ended with status"):
        model.run(random_inputs(graph))


def branches():
    """Renamed inputs and outputs, an input that is an output, an output read by others, unused tensors."""
    net = NetworkBuilder()
    image, unused = net.tensor("image", (1, 8, 8, 1)), net.tensor("unused", (1, 5))
    flat_image = net.reshape(image, "flat_image", (1, 64))
    pooled = net.pool(net.reshape(flat_image, "square", (1, 8, 8, 1)), "pooled")
    flat = net.reshape(pooled, "flat", (1, 16))
    net.pool(pooled, "dropped")
    last = net.pool(pooled, "last")
    return net.graph((image, unused), (last, flat, flat_image, image, flat))


def test_renamed_and_shared_outputs_are_right(tmp_path):
    require_module("ziglang")
    graph = branches()
    generated = make(graph)
    assert len(generated.layers) == 3
    host = HostModel(write(generated, tmp_path / "src"), graph)
    row = random_inputs(graph)
    assert equal(host.run(row), evaluate(graph, row))


def test_a_network_of_renamings_only_runs_no_layer(tmp_path):
    require_module("ziglang")
    net = NetworkBuilder()
    image = net.tensor("image", (1, 6))
    graph = net.graph((image,), (net.reshape(image, "flat", (6,)),))
    generated = make(graph)
    assert generated.layers == ()
    row = random_inputs(graph)
    assert equal(HostModel(write(generated, tmp_path / "src"), graph).run(row), [row[0].reshape(6)])


def test_tensor_names_cannot_leave_their_comments(tmp_path):
    require_module("ziglang")
    net = NetworkBuilder()
    image = net.tensor('*/ int x; /* \\ ??/ "', (1, 4, 4, 1))
    graph = net.graph((image,), (net.pool(image, "a\n*/#error b"),))
    row = random_inputs(graph)
    host = HostModel(write(make(graph, name='x"\n#error'), tmp_path / "src"), graph)
    assert equal(host.run(row), evaluate(graph, row))


def test_host_model_refuses_inputs_that_do_not_fit(tmp_path):
    require_module("ziglang")
    graph = tiny_network()
    host = HostModel(write(make(graph), tmp_path / "src"), graph)
    with pytest.raises(DataError, match="1 inputs, 0 were given"):
        host.run([])
    with pytest.raises(DataError, match="int16"):
        host.run([np.zeros((1, 6, 6, 2), np.int16)])
    with pytest.raises(DataError, match="takes int8"):
        host.run_many(np.zeros((3, 6, 6, 1), np.int8))


def test_only_the_models_own_files_are_taken_from_a_bundle(tmp_path):
    generated = make(tiny_network())
    sources = write(generated, tmp_path / "src")
    (sources / "runner.c").write_text("#error not for this computer\n")
    assert set(model_sources(sources)) == set(generated.files)
    with pytest.raises(UsageError, match=r"no model\.c"):
        model_sources(tmp_path)


def test_a_plan_of_another_network_is_refused():
    graph = tiny_network()
    plan = plan_memory(graph, PLANNERS["by_size"])
    with pytest.raises(InternalError, match="buffer"):
        generate(branches(), plan, name="x", model_sha256=SHA256)
    squeezed = MemoryPlan(dict.fromkeys(plan.offsets, 0), plan.align_bytes)
    with pytest.raises(InternalError, match="overlap"):
        generate(graph, squeezed, name="x", model_sha256=SHA256)
    with pytest.raises(InternalError, match="SHA-256"):
        generate(graph, plan, name="x", model_sha256="12")


def test_a_network_without_outputs_is_refused():
    graph = replace(tiny_network(), outputs=())
    with pytest.raises(ModelError, match="1 inputs and 0 outputs"):
        make(graph)


def test_kernel_files_come_with_their_headers():
    files = kernel_files({"ep_conv2d_s8"})
    assert {"ep_conv2d_s8.c", "ep_conv2d_s8.h", "ep_math.h"} <= set(files)
    with pytest.raises(InternalError, match=r"ep_nothing_s8\."):
        kernel_files({"ep_nothing_s8"})


STRUCT_FIELD = re.compile(r"^\s*(?:const\s+)?(\w+)\s+(\*?)(\w+)(\[\w+\])?;", re.MULTILINE)


@cache
def structs():
    """By the name of a type, the fields that headers declare in it, or the name of the type that it is."""
    text = "\n".join(p.read_text(encoding="utf-8") for n, p in c_files().items() if n.endswith(".h"))
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).replace("\\\n", "\n")
    for name, body in re.findall(r"#define (EP_\w+_FIELDS)\s+((?:[^;\n]+;\s*)+[^;\n]+)\n", plain):
        plain = plain.replace(f"    {name};", f"{body};")
    known = {name: other for other, name in re.findall(r"typedef (\w+) (\w+);", plain)}
    for body, name in re.findall(r"typedef struct \{([^}]*)\}\s*(\w+);", plain):
        known[name] = STRUCT_FIELD.findall(body)
    return known


def declared_fields(ctype, prefix=""):
    """(C type, kind, name) of every field of a struct, those of structs inside it with a dot."""
    found = structs().get(ctype)
    assert found is not None, f"no header declares {ctype}"
    if isinstance(found, str):
        return declared_fields(found, prefix)
    fields = []
    for inner, star, name, extent in found:
        if not star and inner in structs():
            fields += declared_fields(inner, f"{prefix}{name}.")
        else:
            fields.append((inner, "pointer" if star else "array" if extent else "scalar", prefix + name))
    return fields


def stated_kind(value):
    if value is None or isinstance(value, Constant):
        return "pointer"
    return "array" if isinstance(value, tuple) else "scalar"


@pytest.mark.parametrize("op", [op for op in all_ops() if not op.is_alias], ids=lambda op: op.name)
def test_fields_of_every_operator_are_those_of_the_c_struct(op):
    """A field left out would be 0 in C, and no compiler would say so."""
    for case in op.cases(np.random.default_rng(0)):
        node = case.graph.nodes[0]
        params = op.checked(case.graph, node)
        kernels = [op.kernel, *(variant.kernel for variant in op.variants if variant.fits(params))]
        for call in [kernel(params, node) for kernel in kernels]:
            stated = [(field.ctype, stated_kind(field.value), field.name) for field in call.params]
            assert stated == declared_fields(f"{call.kernel}_params"), case.name


@pytest.mark.parametrize(
    "path",
    [
        "kws/kws_ref_model.tflite",
        pytest.param("ic/pretrainedResnet_quant.tflite", marks=pytest.mark.slow),
        pytest.param("vww/vww_96_int8.tflite", marks=pytest.mark.slow),
        pytest.param("ad/ad01_int8.tflite", marks=pytest.mark.slow),
        pytest.param("sww/str_ww_ref_model.tflite", marks=pytest.mark.slow),
    ],
)
def test_published_networks_compute_what_tflm_computes(path, shared_data, tmp_path):
    require_module("ziglang")
    content = (shared_data / "mlperf_tiny" / path).read_bytes()
    graph = read(content)
    plan = plan_memory(graph, PLANNERS["exact"])
    assert plan.lower_bound_bytes <= plan.arena_bytes <= 1.2 * plan.lower_bound_bytes
    host = HostModel(write(make(graph), tmp_path / "src"), graph)
    for seed in range(2):
        row = random_inputs(graph, seed)
        assert equal(host.run(row), tflm(content, row))
