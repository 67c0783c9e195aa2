"""QuantGraph to `.tflite` bytes, by TFLM's generated schema: the opposite of our own reader.

Variables that READ_VARIABLE and ASSIGN_VARIABLE use become resources: a VAR_HANDLE each in front, and
where they do not start with their zero point, CALL_ONCE of a subgraph that assigns what they start with.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from edgeprune.tflite import options
from edgeprune.tflite.graph import Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.variables import fill_byte
from support.tools import require_module

# Where our names of operators, options and their fields are not the schema's.
_BY_OPERATOR = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "DIV": "DivOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
}
_TABLES: dict[type, str] = {
    options.ConvOptions: "Conv2DOptions",
    options.DepthwiseConvOptions: "DepthwiseConv2DOptions",
    options.PoolOptions: "Pool2DOptions",
    options.SvdfOptions: "SVDFOptions",
    options.SequenceLstmOptions: "UnidirectionalSequenceLSTMOptions",
    options.ResizeNearestOptions: "ResizeNearestNeighborOptions",
}
_FIELDS = {
    "activation": "fusedActivationFunction",
    "dilation_h": "dilationHFactor",
    "dilation_w": "dilationWFactor",
    "window_h": "filterHeight",
    "window_w": "filterWidth",
}


def write(graph: QuantGraph) -> bytes:
    """`graph` as a `.tflite` file; skips where TFLM's schema is not installed."""
    require_module("tflite_micro")
    flatbuffers = require_module("flatbuffers")
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    graphs = _with_handles(graph)
    codes = list(dict.fromkeys((node.op, node.version) for each in graphs for node in each.nodes))
    buffers = [schema.BufferT()]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_code(schema, *code) for code in codes]
    model.subgraphs = [_subgraph(schema, each, codes, buffers) for each in graphs]
    model.buffers = buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _subgraph(schema: Any, graph: QuantGraph, codes: list[tuple[str, int]], buffers: list[Any]) -> Any:
    subgraph = schema.SubGraphT()
    subgraph.tensors = [_tensor(schema, tensor, buffers) for tensor in graph.tensors]
    subgraph.inputs, subgraph.outputs = list(graph.inputs), list(graph.outputs)
    subgraph.operators = [_operator(schema, node, codes) for node in graph.nodes]
    return subgraph


def _with_handles(graph: QuantGraph) -> list[QuantGraph]:
    """`graph` as the file has it: itself, with handles for variables, and what initialises them."""
    named = {i for n in graph.nodes if n.op == "READ_VARIABLE" for i in n.inputs}
    named |= {i for n in graph.nodes if n.op == "ASSIGN_VARIABLE" for i in n.outputs}
    if not named:
        return [graph]
    tensors = [_handle(t) if i in named else t for i, t in enumerate(graph.tensors)]
    handles = [_make_handle(graph.tensors[i].name, i) for i in sorted(named)]
    nodes = [_with_handle(node) for node in graph.nodes]
    starts = [i for i in sorted(named) if set(graph.tensors[i].data or b"") != {fill_byte(graph.tensors[i])}]
    if not starts:
        return [replace(graph, tensors=tuple(tensors), nodes=(*handles, *nodes))]
    once = Node("CALL_ONCE", 1, (), (), options.CallOnceOptions(1))
    main = replace(graph, tensors=tuple(tensors), nodes=(once, *handles, *nodes))
    return [main, _initialisation([graph.tensors[i] for i in starts])]


def _initialisation(variables: list[Tensor]) -> QuantGraph:
    tensors: list[Tensor] = []
    nodes: list[Node] = []
    for variable in variables:
        at = len(tensors)
        tensors += [_handle(variable), replace(variable, is_variable=False)]
        assign = Node("ASSIGN_VARIABLE", 1, (at, at + 1), (), options.NoOptions())
        nodes += [_make_handle(variable.name, at), assign]
    return QuantGraph(tuple(tensors), tuple(nodes), (), ())


def _handle(variable: Tensor) -> Tensor:
    return Tensor(variable.name, "resource", ())


def _make_handle(name: str, index: int) -> Node:
    return Node("VAR_HANDLE", 1, (), (index,), options.VarHandleOptions("", name))


def _with_handle(node: Node) -> Node:
    if node.op != "ASSIGN_VARIABLE":
        return node
    return replace(node, inputs=(*node.outputs, *node.inputs), outputs=())


def _code(schema: Any, op: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    return code


def _tensor(schema: Any, tensor: Tensor, buffers: list[Any]) -> Any:
    result = schema.TensorT()
    result.name = tensor.name
    result.type = getattr(schema.TensorType, tensor.dtype.upper())
    result.shape = list(tensor.shape)
    result.buffer = 0
    result.isVariable = tensor.is_variable
    if tensor.is_constant:
        result.buffer = len(buffers)
        buffers.append(schema.BufferT())
        buffers[-1].data = np.frombuffer(tensor.data, np.uint8)
    if tensor.quantization is not None:
        result.quantization = _quantization(schema, tensor.quantization)
    return result


def _quantization(schema: Any, quantization: Quantization) -> Any:
    result = schema.QuantizationParametersT()
    result.scale = list(quantization.scales)
    result.zeroPoint = list(quantization.zero_points)
    result.quantizedDimension = quantization.axis
    return result


def _operator(schema: Any, node: Node, codes: list[tuple[str, int]]) -> Any:
    result = schema.OperatorT()
    result.opcodeIndex = codes.index((node.op, node.version))
    result.inputs, result.outputs = list(node.inputs), list(node.outputs)
    if not isinstance(node.options, options.NoOptions):
        kind = type(node.options)
        table = _BY_OPERATOR.get(node.op) or _TABLES.get(kind, kind.__name__)
        result.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        result.builtinOptions = getattr(schema, f"{table}T")()
        for field in fields(node.options):
            value = _enumerator(schema, field.name, getattr(node.options, field.name))
            setattr(result.builtinOptions, _FIELDS.get(field.name) or _camel(field.name), value)
    return result


def _enumerator(schema: Any, field: str, value: Any) -> Any:
    enums = {"padding": schema.Padding, "activation": schema.ActivationFunctionType}
    enums["mode"] = schema.MirrorPadMode
    return getattr(enums[field], value) if field in enums else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
