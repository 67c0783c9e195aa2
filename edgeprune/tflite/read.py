"""Bytes of a `.tflite` file to a QuantGraph; whatever is wrong with them ends in a ModelError.

Nothing in the file is believed: indices, sizes, order, quantization and constants are all checked
here, so that operators and code generation need not. What is sound but beyond edgeprune (branches and
loops, custom operators) is refused by name. Operators that edgeprune does not know are read, without
their options: `ops` refuses those. What keeps its value between runs becomes variable tensors
(`variables.py`).
"""

import math
from dataclasses import replace

from edgeprune.errors import ModelError
from edgeprune.tflite.flatbuffer import File, Table, damaged
from edgeprune.tflite.graph import DTYPES, Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.opcodes import CUSTOM, OPERATORS, TENSOR_TYPES
from edgeprune.tflite.options import Options
from edgeprune.tflite.read_options import read_options
from edgeprune.tflite.variables import ASSIGN, RESOURCE, WITHOUT_OUTPUT, fill_byte, fold

MAX_FILE_BYTES = 1 << 28
MAX_TENSOR_BYTES = 1 << 28
MAX_ACTIVATIONS_BYTES = 1 << 28
"""Of all activations together: the references hold them all at once."""
MAX_TABLES = 20000
"""Of a kind: tensors or buffers."""
MAX_OPERATORS = 4096
"""Planning memory takes seconds for so many, and grows with their square."""
MAX_OPERANDS = 4096
MAX_RANK = 8
MAX_CHANNELS = 65536
MAX_NAME_BYTES = 4096

_ZERO_POINTS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
}


def read(data: bytes) -> QuantGraph:
    """The network in a `.tflite` file; raises ModelError where it is damaged or not supported."""
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(
            f"the model has {len(data)} bytes, at most {MAX_FILE_BYTES} are read",
            hint="choose a smaller model",
        )
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelError(
            "this is no .tflite file: bytes 4 to 7 are not TFL3",
            hint="give a model converted by TensorFlow Lite (LiteRT)",
        )
    model = File(data).root()
    version = model.integer(0, "uint32")
    if version != 3:
        raise ModelError(
            f"the .tflite file has schema version {version}, only 3 is known", hint="convert the model again"
        )
    subgraphs = model.tables(2, "subgraphs", MAX_TABLES)
    if not subgraphs:
        raise damaged("it has 0 subgraphs")
    codes = [_operator_code(table) for table in model.tables(1, "operator codes", MAX_TABLES)]
    buffers = _buffers(model)
    return _checked(fold([_graph(subgraph, codes, buffers) for subgraph in subgraphs]))


def _buffers(model: Table) -> list[bytes | None]:
    """The data of each buffer, None where it has none."""
    return [_buffer(table, number) for number, table in enumerate(model.tables(4, "buffers", MAX_TABLES))]


def _buffer(table: Table, number: int) -> bytes | None:
    start, size = table.integer(1, "uint64"), table.integer(2, "uint64")
    if start > 1:  # large models keep their data behind the tables
        if start + size > len(table.file.data):
            raise damaged(f"buffer {number} ends at byte {start + size}, the file has {len(table.file.data)}")
        table.file.check(start, size)
        return table.file.data[start : start + size] or None
    return table.raw(0, MAX_TENSOR_BYTES) or None


def _operator_code(table: Table) -> tuple[str, int]:
    """The name and version of an operator; old files keep the code in a byte."""
    code = max(table.integer(0, "int8"), table.integer(3, "int32"))
    if code == CUSTOM:
        name = table.string(1, MAX_NAME_BYTES)
        raise ModelError(
            f"the model uses the custom operator {name!r}, only TFLite's own operators are supported",
            hint="replace the layer by built-in operators and convert again",
        )
    if not 0 <= code < len(OPERATORS):
        raise damaged(f"operator code {code} is unknown, the highest is {len(OPERATORS) - 1}")
    return OPERATORS[code], table.integer(2, "int32", 1)


def _graph(subgraph: Table, codes: list[tuple[str, int]], buffers: list[bytes | None]) -> QuantGraph:
    tables = subgraph.tables(0, "tensors", MAX_TABLES)
    inputs = _indices(subgraph, 1, len(tables), "graph input")
    outputs = _indices(subgraph, 2, len(tables), "graph output")
    nodes = tuple(
        _node(table, number, codes, len(tables))
        for number, table in enumerate(subgraph.tables(3, "operators", MAX_OPERATORS))
    )
    used = {*inputs, *outputs}.union(*(node.inputs + node.outputs for node in nodes))
    tensors = tuple(_tensor(table, number, buffers, number in used) for number, table in enumerate(tables))
    graph = QuantGraph(tensors, nodes, inputs, outputs)
    _check_activations(graph)
    return graph


def _checked(graph: QuantGraph) -> QuantGraph:
    _check_activations(graph)
    graph = _with_starts(graph)
    _check_order(graph)
    _check_inputs(graph)
    return graph


def _with_starts(graph: QuantGraph) -> QuantGraph:
    """`graph` with the bytes that its variable tensors start with, as many as were just allowed."""
    tensors = (
        replace(tensor, data=bytes([fill_byte(tensor)]) * tensor.size_bytes)
        if tensor.is_variable and tensor.data is None
        else tensor
        for tensor in graph.tensors
    )
    return replace(graph, tensors=tuple(tensors))


def _indices(table: Table, field: int, tensors: int, what: str, least: int = 0) -> tuple[int, ...]:
    """A vector of tensor indices, each at least `least` (-1 where an input may be left out)."""
    indices = table.integers(field, "int32", f"{what}s", MAX_OPERANDS)
    for index in indices:
        if not least <= index < tensors:
            raise damaged(f"{what} {index} is no tensor, there are {tensors}")
    return indices


def _tensor(table: Table, number: int, buffers: list[bytes | None], is_used: bool) -> Tensor:
    name = table.string(3, MAX_NAME_BYTES)
    where = f"tensor {number} ({name!r})"
    dtype = _dtype(table, where)
    _refuse_exotic(table, where)
    shape = _shape(table, where, _item_bytes(dtype), is_used)
    buffer = table.integer(2, "uint32")
    if buffer >= len(buffers):
        raise damaged(f"{where} is in buffer {buffer}, there are {len(buffers)}")
    quantization, data = _quantization(table, where, dtype, shape), buffers[buffer]
    tensor = Tensor(name, dtype, shape, quantization, data, is_variable=table.boolean(5))
    if data is not None and (tensor.is_variable or dtype == RESOURCE):
        raise damaged(f"{where} is a variable, and has data of a constant")
    if tensor.data is not None and len(tensor.data) != tensor.size_bytes:
        raise damaged(
            f"{where} is {dtype} {list(shape)}, which is {tensor.size_bytes} bytes, "
            f"its data has {len(tensor.data)}"
        )
    return tensor


def _dtype(table: Table, where: str) -> str:
    code = table.integer(1, "int8")
    if not 0 <= code < len(TENSOR_TYPES):
        raise damaged(f"{where} has type {code}, the highest is {len(TENSOR_TYPES) - 1}")
    dtype = TENSOR_TYPES[code].lower()
    if dtype not in DTYPES and dtype != RESOURCE:
        raise ModelError(
            f"{where} has type {dtype}, which is not supported",
            hint="convert the model with full int8 quantization",
        )
    return dtype


def _item_bytes(dtype: str) -> int:
    return 4 if dtype == RESOURCE else DTYPES[dtype].itemsize


def _refuse_exotic(table: Table, where: str) -> None:
    if table.is_present(6):
        raise ModelError(
            f"{where} is stored sparse, which is not supported",
            hint="convert again without the sparsity optimisation; pruned channels need none",
        )
    if table.integer(10, "uint32"):
        raise ModelError(
            f"{where} is stored in another file, which is not supported",
            hint="convert the model into a single file",
        )


def _shape(table: Table, where: str, item_bytes: int, is_used: bool) -> tuple[int, ...]:
    shape = table.integers(0, "int32", f"dimensions in {where}", MAX_RANK)
    if not is_used and 0 in shape:
        return ()  # an LSTM's intermediate tensors, which only carry scales
    if any(extent < 1 for extent in shape):
        raise ModelError(
            f"{where} has shape {list(shape)}: dimensions must be 1 or more",
            hint="convert the model with fixed shapes and batch size 1",
        )
    size_bytes = math.prod(shape) * item_bytes
    if size_bytes > MAX_TENSOR_BYTES:
        raise ModelError(
            f"{where} has shape {list(shape)}: {size_bytes} bytes, at most {MAX_TENSOR_BYTES} are supported",
            hint="choose a smaller model",
        )
    return shape


def _quantization(owner: Table, where: str, dtype: str, shape: tuple[int, ...]) -> Quantization | None:
    table = owner.table(4)
    if table is None:
        return None
    if table.integer(4, "uint8"):
        raise ModelError(
            f"{where} has a custom or blockwise quantization, which is not supported",
            hint="quantize per tensor or per channel",
        )
    scales = table.vector(2, "float32", f"scales in {where}", MAX_CHANNELS)
    zero_points = table.integers(3, "int64", f"zero points in {where}", MAX_CHANNELS)
    axis = table.integer(6, "int32")
    if not scales:
        return None
    if len(zero_points) != len(scales):
        raise damaged(f"{where} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        bad = next(scale for scale in scales if not (math.isfinite(scale) and scale > 0))
        raise damaged(f"{where} has the scale {bad}, scales are finite and above 0")
    low, high = _ZERO_POINTS.get(dtype, (0, 0))
    if not all(low <= zero_point <= high for zero_point in zero_points):
        bad_zero = next(zero for zero in zero_points if not low <= zero <= high)
        raise damaged(f"{where} has the zero point {bad_zero}, {dtype} allows {low} to {high}")
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise damaged(f"{where} has {len(scales)} scales along axis {axis} of shape {list(shape)}")
    return Quantization(scales, zero_points, axis)


def _node(table: Table, number: int, codes: list[tuple[str, int]], tensors: int) -> Node:
    code = table.integer(0, "uint32")
    if code >= len(codes):
        raise damaged(f"node {number} has operator {code}, there are {len(codes)}")
    op, version = codes[code]
    where = f"{op} (node {number})"
    inputs = _indices(table, 1, tensors, f"{where} input", least=-1)
    outputs = _indices(table, 2, tensors, f"{where} output")
    if not outputs and op not in WITHOUT_OUTPUT:
        raise damaged(f"{where} has no output")
    return Node(op, version, inputs, outputs, _options(table, op, where))


def _options(table: Table, op: str, where: str) -> Options:
    try:
        return read_options(op, table.integer(3, "uint8"), table.table(4))
    except ModelError as error:
        raise ModelError(f"{where}: {error.message}", hint=error.hint) from error


def _check_activations(graph: QuantGraph) -> None:
    activations = (tensor for tensor in graph.tensors if not tensor.is_constant)
    total = sum(tensor.elements * _item_bytes(tensor.dtype) for tensor in activations)
    if total > MAX_ACTIVATIONS_BYTES:
        raise ModelError(
            f"the activations have {total} bytes in all, at most {MAX_ACTIVATIONS_BYTES} are supported",
            hint="choose a smaller model or smaller images",
        )


def _check_order(graph: QuantGraph) -> None:
    """Each tensor has one source, and nodes read only what is there before them."""
    known = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    for index in graph.inputs:
        if index in known:
            raise damaged(
                f"graph input {graph.tensors[index].name!r} is a constant or a variable, or given twice"
            )
        known.add(index)
    for node in graph.nodes:
        for index in node.inputs:
            if index >= 0 and index not in known:
                raise damaged(
                    f"{graph.place(node)} reads {graph.tensors[index].name!r}, which nothing made before it"
                )
        for index in node.outputs:
            is_assigned = node.op == ASSIGN and graph.tensors[index].is_variable
            if index in known and not is_assigned:
                raise damaged(
                    f"{graph.place(node)} writes {graph.tensors[index].name!r}, which exists already"
                )
            known.add(index)
    for index in graph.outputs:
        if index not in known or graph.tensors[index].is_variable:
            raise damaged(f"graph output {graph.tensors[index].name!r} is made by no node")


def _check_inputs(graph: QuantGraph) -> None:
    """There is something to compute, and inputs have a batch of 1."""
    if not graph.inputs or not graph.outputs or not graph.nodes:
        raise ModelError(
            f"the model has {len(graph.inputs)} inputs, {len(graph.outputs)} outputs and "
            f"{len(graph.nodes)} operators: there is nothing to compile",
            hint="check that this is the model that was meant",
        )
    for index in graph.inputs:
        tensor = graph.tensors[index]
        if len(tensor.shape) > 1 and tensor.shape[0] != 1:
            raise ModelError(
                f"input {tensor.name!r} has shape {list(tensor.shape)}: a batch of {tensor.shape[0]}, "
                "only 1 is supported",
                hint="convert the model with batch size 1",
            )
