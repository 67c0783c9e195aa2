"""The reader: what is sound comes out as it went in, everything else is a ModelError with a hint."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tflite_writer import write
from support.tools import require_module

from edgeprune.errors import ModelError
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.tflite.graph import Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.options import ArithmeticOptions, ConvOptions, NoOptions, SoftmaxOptions
from edgeprune.tflite.read import read

PROJECT = Path(__file__).resolve().parents[2]


def conv() -> QuantGraph:
    """A small convolution: tensors are input, filter, bias, output."""
    filters = constant(np.ones((2, 3, 3, 1), np.int8), per_channel([0.5, 0.25], 0))
    bias = constant(np.arange(2, dtype=np.int32), per_channel([0.05, 0.025], 0))
    source = activation((1, 5, 5, 1), 0.1, -3)
    return one_op("CONV_2D", [source, filters, bias], activation((1, 5, 5, 2), 0.2, 7), ConvOptions())


def with_tensor(graph: QuantGraph, index: int, **changes: Any) -> QuantGraph:
    tensors = list(graph.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(graph, tensors=tuple(tensors))


def with_node(graph: QuantGraph, **changes: Any) -> QuantGraph:
    return replace(graph, nodes=(replace(graph.nodes[0], **changes),))


def refused(data: bytes) -> str:
    """The message with which `data` is refused."""
    with pytest.raises(ModelError) as caught:
        read(data)
    assert caught.value.hint
    return caught.value.message


def patched(change: Callable[[Any, Any], None]) -> bytes:
    """The convolution's file after `change(schema, model)` on TFLM's object of it."""
    require_module("tflite_micro")
    flatbuffers = require_module("flatbuffers")
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(write(conv()), 0)
    change(schema, model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_network_comes_back() -> None:
    assert read(write(conv())) == conv()


def test_left_out_inputs_and_plain_tensors_come_back() -> None:
    graph = one_op(
        "CONV_2D", [activation((1, 2, 2, 1)), activation((3,)), None], activation(()), ConvOptions()
    )
    assert graph.nodes[0].inputs == (0, 1, -1)
    assert read(write(graph)) == graph


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "float32", "bool"])
def test_all_types_come_back(dtype: str) -> None:
    graph = one_op("RESHAPE", [activation((1, 4), dtype=dtype)], activation((4,), dtype=dtype))
    assert read(write(graph)) == graph


def test_operator_codes_are_found_in_either_field() -> None:
    def old(schema: Any, model: Any) -> None:
        model.operatorCodes[0].builtinCode = 0  # as before 2020: only the byte

    def new(schema: Any, model: Any) -> None:
        model.operatorCodes[0].deprecatedBuiltinCode = 0

    assert read(patched(old)).nodes[0].op == "CONV_2D"
    assert read(patched(new)).nodes[0].op == "CONV_2D"


def test_constants_behind_the_tables_are_found() -> None:
    """Large models keep a buffer's place in the file instead of its bytes."""
    weights = bytes(range(18))

    def external(schema: Any, model: Any) -> None:
        buffer = model.buffers[model.subgraphs[0].tensors[1].buffer]
        buffer.data, buffer.offset, buffer.size = None, 1 << 20, len(weights)

    data = patched(external)
    moved = data.replace(struct.pack("<Q", 1 << 20), struct.pack("<Q", len(data)))
    assert read(moved + weights).tensors[1].data == weights
    assert "buffer 1 ends at byte" in refused(moved + weights[:-1])


def test_a_batch_that_may_vary_is_one() -> None:
    def dynamic(schema: Any, model: Any) -> None:
        model.subgraphs[0].tensors[0].shapeSignature = [-1, 5, 5, 1]

    assert read(patched(dynamic)) == conv()


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 100, b"PK\3\4" * 9, b"\x1c\0\0\0TFL2" + b"\0" * 40])
def test_other_files_are_refused(data: bytes) -> None:
    assert "no .tflite file" in refused(data)


def test_every_truncation_is_refused() -> None:
    data = write(conv())
    for length in range(len(data)):
        with pytest.raises(ModelError):
            read(data[:length])


REFUSED_GRAPHS = {
    "zero dimension": (with_tensor(conv(), 0, shape=(1, 0, 5, 1)), "dimensions must be 1 or more"),
    "negative dimension": (with_tensor(conv(), 0, shape=(1, -5, 5, 1)), "dimensions must be 1 or more"),
    "huge tensor": (with_tensor(conv(), 0, shape=(1, 1 << 30, 1 << 30, 64)), "bytes, at most"),
    "nine dimensions": (with_tensor(conv(), 0, shape=(1,) * 9), "9 dimensions"),
    "batch of 2": (with_tensor(conv(), 0, shape=(2, 5, 5, 1)), "a batch of 2"),
    "data too short": (with_tensor(conv(), 1, data=b"\1" * 17), "is 18 bytes, its data has 17"),
    "data too long": (with_tensor(conv(), 2, data=b"\1" * 12), "is 8 bytes, its data has 12"),
    "scale of 0": (with_tensor(conv(), 0, quantization=per_tensor(0.0)), "has the scale 0.0"),
    "negative scale": (with_tensor(conv(), 0, quantization=per_tensor(-1.0)), "has the scale -1.0"),
    "infinite scale": (with_tensor(conv(), 0, quantization=per_tensor(np.inf)), "has the scale inf"),
    "scale not a number": (with_tensor(conv(), 0, quantization=per_tensor(np.nan)), "has the scale nan"),
    "zero point too high": (with_tensor(conv(), 0, quantization=per_tensor(1.0, 128)), "zero point 128"),
    "zero point too low": (with_tensor(conv(), 3, quantization=per_tensor(1.0, -129)), "zero point -129"),
    "zero point of 64 bits": (with_tensor(conv(), 2, quantization=per_tensor(1.0, 1 << 40)), "zero point"),
    "zero points missing": (
        with_tensor(conv(), 1, quantization=Quantization((0.5, 0.5), (0,), 0)),
        "2 scales and 1 zero points",
    ),
    "scales along a wrong axis": (
        with_tensor(conv(), 1, quantization=per_channel([0.5, 0.5], 1)),
        "2 scales along axis 1",
    ),
    "scales along no axis": (
        with_tensor(conv(), 1, quantization=per_channel([0.5, 0.5], 9)),
        "2 scales along axis 9",
    ),
    "scales along a negative axis": (
        with_tensor(conv(), 1, quantization=per_channel([0.5, 0.5], -4)),
        "2 scales along axis -4",
    ),
    "node input out of range": (with_node(conv(), inputs=(0, 1, 9)), "input 9 is no tensor"),
    "node input below -1": (with_node(conv(), inputs=(0, 1, -2)), "input -2 is no tensor"),
    "node output out of range": (with_node(conv(), outputs=(4,)), "output 4 is no tensor"),
    "node output left out": (with_node(conv(), outputs=(-1,)), "output -1 is no tensor"),
    "node without output": (with_node(conv(), outputs=()), "has no output"),
    "node reads its output": (with_node(conv(), inputs=(3, 1, 2)), "which nothing made before it"),
    "node writes a constant": (with_node(conv(), outputs=(1,)), "which exists already"),
    "node writes the input": (with_node(conv(), outputs=(0,)), "which exists already"),
    "graph input out of range": (replace(conv(), inputs=(17,)), "graph input 17 is no tensor"),
    "graph input left out": (replace(conv(), inputs=(-1,)), "graph input -1 is no tensor"),
    "graph input twice": (replace(conv(), inputs=(0, 0)), "given twice"),
    "graph input constant": (replace(conv(), inputs=(0, 1)), "is a constant"),
    "graph output not made": (
        replace(conv(), tensors=(*conv().tensors, Tensor("lost", "int8", (1,))), outputs=(4,)),
        "'lost' is made by no node",
    ),
    "no input": (replace(conv(), inputs=(), nodes=()), "no node"),
    "no operator": (replace(conv(), nodes=(), outputs=(0,)), "0 operators"),
    "no output": (replace(conv(), outputs=()), "0 outputs"),
    "option not a number": (
        one_op("SOFTMAX", [activation((1, 4), 1.0)], activation((1, 4), 1.0), SoftmaxOptions(np.nan)),
        "SOFTMAX (node 0)",
    ),
}


@pytest.mark.parametrize("kind", REFUSED_GRAPHS)
def test_a_network_that_makes_no_sense_is_refused(kind: str) -> None:
    graph, message = REFUSED_GRAPHS[kind]
    assert message in refused(write(graph))


def test_nodes_in_a_circle_or_in_a_wrong_order_are_refused() -> None:
    image = activation((1, 4), 0.1)
    tensors = tuple(replace(image, name=name) for name in ("in", "a", "b"))
    first = Node("ADD", 1, (0, 2), (1,), ArithmeticOptions())
    second = Node("ADD", 1, (0, 1), (2,), ArithmeticOptions())
    circle = QuantGraph(tensors, (first, second), (0,), (2,))
    assert "ADD (node 0, 'a') reads 'b', which nothing made before it" in refused(write(circle))
    chain = (Node("RELU", 1, (1,), (2,), NoOptions()), Node("RELU", 1, (0,), (1,), NoOptions()))
    assert "RELU (node 0, 'b') reads 'a'" in refused(write(replace(circle, nodes=chain)))
    twice = (Node("RELU", 1, (0,), (1,), NoOptions()), Node("RELU", 1, (0,), (1,), NoOptions()))
    assert "writes 'a', which exists already" in refused(write(replace(circle, nodes=twice)))


def _set(path: str, value: Any) -> Callable[[Any, Any], None]:
    """A change that sets the attribute at `path` of the model, e.g. "buffers.0.offset"."""

    def change(schema: Any, model: Any) -> None:
        *parents, last = path.split(".")
        owner = model
        for name in parents:
            owner = owner[int(name)] if name.isdigit() else getattr(owner, name)
        setattr(owner, last, value(schema) if callable(value) else value)

    return change


TENSOR = "subgraphs.0.tensors.1"
OPERATOR = "subgraphs.0.operators.0"

REFUSED_FILES: dict[str, tuple[Callable[[Any, Any], None], str]] = {
    "schema version": (_set("version", 2), "schema version 2"),
    "no subgraph": (_set("subgraphs", []), "0 subgraphs"),
    "two subgraphs": (lambda schema, m: m.subgraphs.append(m.subgraphs[0]), "2 subgraphs"),
    "operator unknown": (_set("operatorCodes.0.builtinCode", 4321), "operator code 4321 is unknown"),
    "operator negative": (
        lambda schema, m: (
            _set("operatorCodes.0.builtinCode", -3)(schema, m),
            _set("operatorCodes.0.deprecatedBuiltinCode", -1)(schema, m),
        )[0],
        "operator code -1",
    ),
    "operator code out of range": (_set(f"{OPERATOR}.opcodeIndex", 5), "has operator 5, there are 1"),
    "options of another operator": (
        lambda schema, m: (
            _set(f"{OPERATOR}.builtinOptionsType", schema.BuiltinOptions.Pool2DOptions)(schema, m),
            _set(f"{OPERATOR}.builtinOptions", schema.Pool2DOptionsT())(schema, m),
        )[0],
        "carries options of kind 5, not 1",
    ),
    "padding unknown": (_set(f"{OPERATOR}.builtinOptions.padding", 7), "7 is no padding"),
    "activation unknown": (
        _set(f"{OPERATOR}.builtinOptions.fusedActivationFunction", -1),
        "-1 is no fused activation",
    ),
    "type unknown": (_set(f"{TENSOR}.type", 99), "has type 99"),
    "type not supported": (_set(f"{TENSOR}.type", 1), "has type float16"),
    "int4": (_set(f"{TENSOR}.type", 17), "has type int4"),
    "buffer out of range": (_set(f"{TENSOR}.buffer", 77), "is in buffer 77"),
    "variable": (_set(f"{TENSOR}.isVariable", True), "is a variable"),
    "sparse": (_set(f"{TENSOR}.sparsity", lambda schema: schema.SparsityParametersT()), "is stored sparse"),
    "external file": (_set(f"{TENSOR}.externalBuffer", 3), "stored in another file"),
    "custom quantization": (
        lambda schema, m: (
            _set(f"{TENSOR}.quantization.detailsType", 1)(schema, m),
            _set(f"{TENSOR}.quantization.details", schema.CustomQuantizationT())(schema, m),
        )[0],
        "custom or blockwise quantization",
    ),
    "buffer far away": (
        lambda schema, m: (
            _set("buffers.1.offset", (1 << 64) - 1)(schema, m),
            _set("buffers.1.size", (1 << 64) - 1)(schema, m),
        )[0],
        "buffer 1 ends at byte",
    ),
    "no buffers": (_set("buffers", []), "is in buffer 0, there are 0"),
}


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_a_file_beyond_us_is_refused(kind: str) -> None:
    change, message = REFUSED_FILES[kind]
    assert message in refused(patched(change))


def test_custom_operators_are_refused_by_name() -> None:
    def custom(schema: Any, model: Any) -> None:
        model.operatorCodes[0].builtinCode = 32
        model.operatorCodes[0].deprecatedBuiltinCode = 32
        model.operatorCodes[0].customCode = b"MyOwnOp"

    assert "custom operator 'MyOwnOp'" in refused(patched(custom))


def bomb(copies: int, elements: int) -> bytes:
    """One tensor with `elements` scales, listed `copies` times in a file that holds it once."""

    def repeat(schema: Any, model: Any) -> None:
        tensor = model.subgraphs[0].tensors[1]
        tensor.shape, tensor.quantization.quantizedDimension = [elements], 0
        tensor.quantization.scale = np.ones(elements, np.float32)
        tensor.quantization.zeroPoint = np.zeros(elements, np.int64)
        tensor.buffer = 0
        model.subgraphs[0].tensors = [tensor] * 2 + [model.subgraphs[0].tensors[0]] * (copies - 2)

    data = bytearray(patched(repeat))
    root = struct.unpack_from("<I", data, 0)[0]
    subgraphs = _follow(data, _field(data, root, 2))
    subgraph = _follow(data, subgraphs + 4)
    tensors = _follow(data, _field(data, subgraph, 0))
    target = tensors + 4 + struct.unpack_from("<I", data, tensors + 4)[0]
    for at in range(tensors + 4, tensors + 4 + 4 * copies, 4):
        struct.pack_into("<I", data, at, target - at)
    return bytes(data)


def _field(data: bytes, table: int, number: int) -> int:
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    return table + int(struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0])


def _follow(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def test_tables_that_are_shared_do_not_multiply() -> None:
    """3,000 times 3,000 scales would be 9 million numbers from a file of 130 kB."""
    data = bomb(copies=3000, elements=3000)
    assert len(data) < 400_000
    assert "referenced again and again" in refused(data)
    assert "20001 tensors, at most 20000" in refused(bomb(copies=20001, elements=2))


def test_mutations_of_real_models_never_crash(shared_data: Path) -> None:
    tool = [sys.executable, str(PROJECT / "tools" / "fuzz" / "tflite_reader.py")]
    command = [*tool, str(shared_data / "tflite"), "--mutations", "300", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["failures"]
    assert report["crashed"] == 0
    assert report["refused"] > 50
    assert report["read"] + report["read_operators_refused"] > 20
    assert report["slowest_s"] < 5


def test_every_published_model_is_read_or_refused(shared_data: Path) -> None:
    refusals = {}
    paths = sorted(shared_data.rglob("*.tflite"))
    for path in paths:
        try:
            assert read(path.read_bytes()).nodes
        except ModelError as error:
            assert error.hint
            refusals[path.name] = error.message
    assert len(paths) == 56
    assert len(refusals) == 4
    assert "custom operator 'SignalWindow'" in refusals["audio_preprocessor_int8.tflite"]
    assert "has type float16" in refusals["face_detection_back.tflite"]
