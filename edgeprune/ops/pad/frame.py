"""PAD and PADV2 of elements wider than a byte: the input inside a frame of one value, bytes copied."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.loops import Shape, contiguous_strides, loop_nest
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

KERNELS = {
    "float32": ("ep_pad_f32", "float"),
    "int16": ("ep_pad_s16", "int16_t"),
    "int32": ("ep_pad_s32", "int32_t"),
}


@dataclass(frozen=True)
class Params:
    """`before` and `after` are how many elements are added at the ends of each dimension."""

    dtype: str
    shape: Shape
    out_shape: Shape
    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: int | float


def read_pad(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a PAD, which fills with 0."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    return _params(operands, 0)


def read_padv2(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a PADV2, which fills with its third input."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    value, out = operands.constant(2), operands.output()
    if value.elements != 1:
        raise operands.error(f"{value.name!r} has {value.elements} values, must be one")
    operands.same_dtype(value, out, KERNELS)
    if value.quantization != out.quantization:
        raise operands.error(f"{value.name!r} must have the scale and zero point of the output")
    if value.dtype == "float32":
        float_tensor(operands, value)
    return _params(operands, value.array().reshape(-1)[0].item())


def _params(operands: Operands, fill: int | float) -> Params:
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, KERNELS)
    for tensor in (x, out):
        if tensor.quantization and any(tensor.quantization.zero_points):
            raise operands.error(f"{tensor.name!r} is {tensor.dtype} with a zero point, it must be 0")
    paddings = operands.integers(1)
    return Params(x.dtype, x.shape, out.shape, paddings[::2], paddings[1::2], fill)


def rank_is_at_most_five(p: Params) -> bool:
    """The input must have one to five dimensions, none empty."""
    return 1 <= len(p.shape) <= 5 and 0 not in p.shape


def paddings_fit(p: Params) -> bool:
    """Two paddings for each dimension, none negative, must make the output's shape."""
    if not len(p.before) == len(p.after) == len(p.shape) or min(p.before + p.after) < 0:
        return False
    return p.out_shape == tuple(sum(parts) for parts in zip(p.before, p.shape, p.after, strict=True))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input inside a frame."""
    x = inputs[0]
    assert x is not None
    out: Array = np.full(p.out_shape, p.fill, DTYPES[p.dtype])
    out[tuple(slice(b, b + extent) for b, extent in zip(p.before, p.shape, strict=True))] = x
    return [out]


def kernel(p: Params, node: Node) -> KernelCall:
    """Fill all, then copy; only the first input of the node is data."""
    name, ctype = KERNELS[p.dtype]
    strides = contiguous_strides(p.out_shape)
    nest = loop_nest(p.shape, strides)
    fields = (
        Field("int32_t", "extents", nest.extents),
        Field("int32_t", "strides", nest.strides[0]),
        Field("int32_t", "count", nest.count),
        Field("int32_t", "step", nest.steps[0]),
        Field("int32_t", "start", sum(b * s for b, s in zip(p.before, strides, strict=True))),
        Field("int32_t", "out_count", p.out_shape[0] * strides[0]),
        Field(ctype, "fill", p.fill),
    )
    return KernelCall(name, fields, node.inputs[:1], node.outputs)


RULES = (rank_is_at_most_five, paddings_fit)
