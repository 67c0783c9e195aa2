"""PACK: tensors of one shape become the slices of a new axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.pack.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph
from edgeprune.tflite.options import PackOptions

TYPES = ("int8", "int16", "int32", "int64", "float32")


@dataclass(frozen=True)
class Params:
    dtype: str
    shapes: tuple[Shape, ...]
    out_shape: Shape
    axis: int
    values_count: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, len(node.inputs))
    inputs, out = [operands.input(i) for i in range(len(node.inputs))], operands.output()
    for x in inputs:
        operands.same_dtype(x, out, TYPES)
    options = operands.options(PackOptions)
    axis = operands.axis(options.axis, len(out.shape))
    return Params(out.dtype, tuple(x.shape for x in inputs), out.shape, axis, options.values_count)


def inputs_are_the_slices(p: Params) -> bool:
    """There must be one input for each index of the axis, with the output's shape less the axis."""
    slices = (*p.out_shape[: p.axis], *p.out_shape[p.axis + 1 :])
    return len(p.shapes) == p.values_count == p.out_shape[p.axis] and set(p.shapes) == {slices}


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The inputs side by side."""
    return [np.stack([x for x in inputs if x is not None], axis=p.axis)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; it takes as many inputs as there are."""
    fields = (
        Field("int32_t", "rows", prod(p.out_shape[: p.axis])),
        Field("int32_t", "inputs", len(p.shapes)),
        Field("int32_t", "chunk_bytes", prod(p.out_shape[p.axis + 1 :]) * DTYPES[p.dtype].itemsize),
    )
    return KernelCall("ep_pack_x8", fields, node.inputs, node.outputs)


PACK = Op("PACK", read, (inputs_are_the_slices,), reference, kernel, cases, types=TYPES)
