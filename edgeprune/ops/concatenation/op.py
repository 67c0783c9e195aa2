"""CONCATENATION of up to ten tensors along any axis, copied byte by byte.

As in TFLM int8 inputs must have the output's scale and zero point, and there is no fused activation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.concatenation.cases import cases
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph
from edgeprune.tflite.options import Activation, ConcatenationOptions

MAX_INPUTS = 10
"""EP_CONCATENATION_INPUTS of the kernel, and TFLM's limit."""


@dataclass(frozen=True)
class Params:
    dtype: str
    shapes: tuple[Shape, ...]
    out_shape: Shape
    axis: int
    activation: Activation
    same_scales: bool


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, MAX_INPUTS)
    out = operands.output()
    inputs = [operands.input(i) for i in range(len(node.inputs))]
    for x in inputs:
        operands.same_dtype(x, out, ("int8", "int16", "int32", "int64", "float32", "bool"))
    options = operands.options(ConcatenationOptions)
    rank = len(out.shape)
    if not -rank <= options.axis < rank:
        raise operands.error(f"axis {options.axis} is no axis of {out.shape}")
    same_scales = True
    if out.dtype in ("int8", "int16"):
        pairs = {
            (t.quantization.scales, t.quantization.zero_points) for t in (*inputs, out) if t.quantization
        }
        same_scales = len(pairs) == 1 and all(t.quantization for t in (*inputs, out))
    shapes = tuple(x.shape for x in inputs)
    return Params(out.dtype, shapes, out.shape, options.axis % rank, options.activation, same_scales)


def activation_is_none(p: Params) -> bool:
    """There must be no fused activation."""
    return p.activation == "NONE"


def scales_are_equal(p: Params) -> bool:
    """Inputs and output must have the same scale and zero point."""
    return p.same_scales


def shapes_fit(p: Params) -> bool:
    """The inputs must agree in all dimensions but the axis, where they add up to the output."""
    if any(len(shape) != len(p.out_shape) for shape in p.shapes) or 0 in p.out_shape:
        return False
    joined = sum(shape[p.axis] for shape in p.shapes)
    whole = (*p.out_shape[: p.axis], joined, *p.out_shape[p.axis + 1 :])
    parts = [(*s[: p.axis], joined, *s[p.axis + 1 :]) for s in p.shapes]
    return p.out_shape == whole and all(part == whole for part in parts)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The inputs, one after the other."""
    return [np.concatenate([x for x in inputs if x is not None], axis=p.axis)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; arguments that are not needed repeat the first input."""
    item = DTYPES[p.dtype].itemsize
    chunks = [prod(shape[p.axis :]) * item for shape in p.shapes]
    unused = MAX_INPUTS - len(chunks)
    fields = (
        Field("int32_t", "rows", prod(p.out_shape[: p.axis])),
        Field("int32_t", "inputs", len(chunks)),
        Field("int32_t", "chunk_bytes", (*chunks, *[0] * unused)),
    )
    arguments = (*node.inputs, *[node.inputs[0]] * unused)
    return KernelCall("ep_concatenation_x8", fields, arguments, node.outputs)


RULES = (activation_is_none, scales_are_equal, shapes_fit)

CONCATENATION = Op("CONCATENATION", read, RULES, reference, kernel, cases)
