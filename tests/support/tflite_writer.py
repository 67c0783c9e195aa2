"""QuantGraph to `.tflite` bytes, by TFLM's generated schema: the opposite of our own reader."""

from dataclasses import fields
from typing import Any

import numpy as np

from edgeprune.tflite import options
from edgeprune.tflite.graph import Node, QuantGraph, Quantization, Tensor
from support.tools import require_module

# Where our names of operators, options and their fields are not the schema's.
_ARITHMETIC = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
_TABLES: dict[type, str] = {
    options.ConvOptions: "Conv2DOptions",
    options.DepthwiseConvOptions: "DepthwiseConv2DOptions",
    options.PoolOptions: "Pool2DOptions",
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

    codes = list(dict.fromkeys((node.op, node.version) for node in graph.nodes))
    subgraph = schema.SubGraphT()
    buffers = [schema.BufferT()]
    subgraph.tensors = [_tensor(schema, tensor, buffers) for tensor in graph.tensors]
    subgraph.inputs, subgraph.outputs = list(graph.inputs), list(graph.outputs)
    subgraph.operators = [_operator(schema, node, codes) for node in graph.nodes]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_code(schema, *code) for code in codes]
    model.subgraphs = [subgraph]
    model.buffers = buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


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
    if tensor.data is not None:
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
        table = _ARITHMETIC.get(node.op) or _TABLES.get(kind, kind.__name__)
        result.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        result.builtinOptions = getattr(schema, f"{table}T")()
        for field in fields(node.options):
            value = _enumerator(schema, field.name, getattr(node.options, field.name))
            setattr(result.builtinOptions, _FIELDS.get(field.name) or _camel(field.name), value)
    return result


def _enumerator(schema: Any, field: str, value: Any) -> Any:
    enums = {"padding": schema.Padding, "activation": schema.ActivationFunctionType}
    return getattr(enums[field], value) if field in enums else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
