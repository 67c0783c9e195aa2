"""The cases of an int8 operator on other element types: the same shapes and options, other numbers.

An operator's types share their geometry, so they share the networks that reach every branch of it.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import replace

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.tflite.graph import DTYPES, QuantGraph, Quantization, Tensor

WITH_FILTERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

Cases = Callable[[np.random.Generator], Iterator[Case]]


def float_cases(cases: Cases, without: Container[str] = ()) -> Cases:
    """`cases` in float32, but those in `without`, which differ from others in their scales only."""

    def retyped(rng: np.random.Generator) -> Iterator[Case]:
        for case in cases(rng):
            if case.name not in without:
                yield replace(case, graph=_retyped(case.graph, _as_float))

    return retyped


def wide_cases(cases: Cases, without: Container[str] = (), scale: float = 1 / 256) -> Cases:
    """`cases` in int16 with zero points 0; scales are multiplied by `scale`, biases are int64."""

    def retyped(rng: np.random.Generator) -> Iterator[Case]:
        for case in cases(rng):
            if case.name not in without:
                yield replace(case, graph=_wide(case.graph, scale))

    return retyped


def _retyped(graph: QuantGraph, change: Callable[[Tensor], Tensor]) -> QuantGraph:
    return replace(graph, tensors=tuple(change(tensor) for tensor in graph.tensors))


def _as_float(tensor: Tensor) -> Tensor:
    """Constants keep their real values, or their integers where they have no scale."""
    if tensor.quantization is None:
        return tensor
    data = None
    if tensor.data is not None:
        scales = np.array(tensor.quantization.scales)
        if len(scales) > 1:
            shape = [1] * len(tensor.shape)
            shape[tensor.quantization.axis] = len(scales)
            scales = scales.reshape(shape)
        data = (tensor.array().astype(np.float64) * scales).astype(np.float32).tobytes()
    return replace(tensor, dtype="float32", quantization=None, data=data)


def plain_cases(cases: Cases, dtype: str, without: Container[str] = ()) -> Cases:
    """`cases` but those in `without`, in integers of type `dtype` without scales, constants' values kept."""

    def change(tensor: Tensor) -> Tensor:
        if tensor.quantization is None:
            return tensor
        data = None if tensor.data is None else tensor.array().astype(DTYPES[dtype]).tobytes()
        return replace(tensor, dtype=dtype, quantization=None, data=data)

    def retyped(rng: np.random.Generator) -> Iterator[Case]:
        for case in cases(rng):
            if case.name not in without:
                yield replace(case, graph=_retyped(case.graph, change))

    return retyped


def narrow_biases(cases: Cases, names: Container[str]) -> Cases:
    """Those of int16 `cases` that are in `names`, with int32 biases."""

    def retyped(rng: np.random.Generator) -> Iterator[Case]:
        for case in cases(rng):
            if case.name in names:
                yield Case(f"{case.name}, int32 bias", _retyped(case.graph, _with_int32))

    return retyped


def huge_biases(cases: Cases, name: str) -> Cases:
    """The int16 case `name` with biases, and so sums, beyond 32 bits; the output's scale fits them."""

    def retyped(rng: np.random.Generator) -> Iterator[Case]:
        for case in cases(rng):
            if case.name == name:
                yield Case(f"{name}, sums beyond 32 bits", _with_huge_bias(case.graph, rng))

    return retyped


def _with_huge_bias(graph: QuantGraph, rng: np.random.Generator) -> QuantGraph:
    tensors = list(graph.tensors)
    (node,) = graph.nodes
    bias, out = tensors[node.inputs[2]], tensors[node.outputs[0]]
    values = rng.integers(-(1 << 40), 1 << 40, bias.shape)
    tensors[node.inputs[2]] = replace(bias, data=values.astype(np.int64).tobytes())
    scale = float(np.float32(out.scale * 2.0**16))
    tensors[node.outputs[0]] = replace(out, quantization=Quantization((scale,), (0,)))
    return replace(graph, tensors=tuple(tensors))


def _with_int32(tensor: Tensor) -> Tensor:
    if tensor.dtype != "int64":
        return tensor
    return replace(tensor, dtype="int32", data=tensor.array().astype(np.int32).tobytes())


def _wide(graph: QuantGraph, scale: float) -> QuantGraph:
    """Filters stay int8."""
    filters = {node.inputs[1] for node in graph.nodes if node.op in WITH_FILTERS}
    tensors = [t if i in filters else _as_wide(t, scale) for i, t in enumerate(graph.tensors)]
    return replace(graph, tensors=tuple(tensors))


def _as_wide(tensor: Tensor, scale: float) -> Tensor:
    old = tensor.quantization
    if old is None or tensor.dtype not in ("int8", "int32"):
        return tensor
    scales = tuple(float(np.float32(s * scale)) for s in old.scales)
    quantization = Quantization(scales, (0,) * len(scales), old.axis)
    dtype, data = ("int16" if tensor.dtype == "int8" else "int64"), None
    if tensor.data is not None:
        values = tensor.array().astype(np.int64)
        data = (values * 256).astype(np.int16).tobytes() if dtype == "int16" else values.tobytes()
    return replace(tensor, dtype=dtype, quantization=quantization, data=data)
