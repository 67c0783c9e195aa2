"""Tensors and one-operator networks for the operators' cases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.tflite.graph import DTYPES, Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.options import NoOptions, Options

_NO_OPTIONS = NoOptions()


def activation(
    shape: Sequence[int], scale: float | None = None, zero_point: int = 0, dtype: str = "int8"
) -> Tensor:
    """A tensor computed at run time, batch dimension included; no scale: not quantized."""
    quantization = None if scale is None else per_tensor(scale, zero_point)
    return Tensor("", dtype, tuple(shape), quantization)


def constant(array: npt.NDArray[Any], quantization: Quantization | None = None) -> Tensor:
    """A tensor with the shape, type and bytes of `array`."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    return Tensor("", names[array.dtype], array.shape, quantization, array.tobytes())


def variable(array: npt.NDArray[Any], name: str, quantization: Quantization | None = None) -> Tensor:
    """A variable that starts with the values of `array`."""
    return replace(constant(array, quantization), name=name, is_variable=True)


def per_tensor(scale: float, zero_point: int = 0) -> Quantization:
    """One scale, rounded to float32."""
    return Quantization((float(np.float32(scale)),), (zero_point,))


def per_channel(scales: Sequence[float], axis: int) -> Quantization:
    """A scale for each slice along `axis`, rounded to float32; zero points 0."""
    return Quantization(tuple(float(np.float32(s)) for s in scales), (0,) * len(scales), axis)


def one_op(
    op: str,
    inputs: Sequence[Tensor | None],
    outputs: Tensor | Sequence[Tensor],
    options: Options | None = None,
    version: int = 1,
) -> QuantGraph:
    """A network of one operator; inputs that are no constants or variables become the network's inputs.

    None is an optional input left out; the same Tensor object given twice is one tensor read twice.
    """
    tensors: list[Tensor] = []
    index_of: dict[int, int] = {}
    indices = []
    for tensor in inputs:
        if tensor is None:
            indices.append(-1)
            continue
        if id(tensor) not in index_of:
            index_of[id(tensor)] = len(tensors)
            kind = "variable" if tensor.is_variable else "constant" if tensor.is_constant else "input"
            tensors.append(replace(tensor, name=tensor.name or f"{kind}{len(tensors)}"))
        indices.append(index_of[id(tensor)])
    graph_inputs = tuple(i for i, tensor in enumerate(tensors) if tensor.data is None)
    results = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    produced = tuple(range(len(tensors), len(tensors) + len(results)))
    tensors += [replace(tensor, name=tensor.name or f"output{i}") for i, tensor in enumerate(results)]
    node = Node(op, version, tuple(indices), produced, options or NoOptions())
    return QuantGraph(tuple(tensors), (node,), graph_inputs, produced)


@dataclass(frozen=True, eq=False)
class Step:
    """A node of `network`, with tensors in the place of their numbers."""

    op: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    options: Options = _NO_OPTIONS


def network(steps: Sequence[Step], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> QuantGraph:
    """A network of several operators; the same Tensor object in two places is the same tensor."""
    every = [*inputs, *(tensor for step in steps for tensor in (*step.inputs, *step.outputs))]
    index_of: dict[int, int] = {}
    tensors: list[Tensor] = []
    for tensor in every:
        if id(tensor) not in index_of:
            index_of[id(tensor)] = len(tensors)
            tensors.append(replace(tensor, name=tensor.name or f"t{len(tensors)}"))

    def indices(group: Sequence[Tensor]) -> tuple[int, ...]:
        return tuple(index_of[id(tensor)] for tensor in group)

    nodes = tuple(Node(s.op, 1, indices(s.inputs), indices(s.outputs), s.options) for s in steps)
    return QuantGraph(tuple(tensors), nodes, indices(inputs), indices(outputs))
