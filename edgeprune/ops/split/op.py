"""SPLIT into equal parts along a constant axis; SPLIT_V and UNPACK share its kernel.

TFLM does not look at the option `num_splits`: the node's outputs are the parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.split.cases import cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

TYPES = ("int8", "int16", "int32", "float32")

AXIS, DATA = 0, 1
"""Positions among the inputs."""


@dataclass(frozen=True)
class Params:
    """`lengths` are the extents of the parts along the axis; the input is `data` of the inputs."""

    dtype: str
    data: int
    shape: Shape
    out_shapes: tuple[Shape, ...]
    axis: int

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(shape[self.axis] for shape in self.out_shapes)


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SPLIT."""
    operands = Operands(graph, node)
    operands.count(2, 2, outputs=len(node.outputs))
    return params_of(operands, DATA, AXIS)


def params_of(operands: Operands, data: int, axis: int) -> Params:
    """The parameters, for inputs `data` and `axis`."""
    x = operands.input(data)
    outputs = [operands.output(i) for i in range(len(operands.node.outputs))]
    for out in outputs:
        operands.same_dtype(x, out, TYPES)
    axes = operands.integers(axis)
    if len(axes) != 1:
        raise operands.error(f"has {len(axes)} axes, must have one")
    along = operands.axis(axes[0], len(x.shape))
    for out in outputs:
        if len(out.shape) != len(x.shape):
            raise operands.error(f"{out.name!r} is {out.shape}, {x.name!r} is {x.shape}")
    return Params(x.dtype, data, x.shape, tuple(out.shape for out in outputs), along)


def parts_are_equal(p: Params) -> bool:
    """All outputs must have the same shape."""
    return len(set(p.out_shapes)) == 1


def parts_fit(p: Params) -> bool:
    """The outputs must agree with the input in all dimensions but the axis, where they add up to it."""
    wholes = {(*s[: p.axis], p.shape[p.axis], *s[p.axis + 1 :]) for s in p.out_shapes}
    return wholes == {p.shape} and sum(p.lengths) == p.shape[p.axis] and 0 not in p.shape


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The parts, in order."""
    x = inputs[p.data]
    assert x is not None
    ends = list(accumulate(p.lengths))[:-1]
    return [np.ascontiguousarray(part) for part in np.split(x, ends, axis=p.axis)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; it takes as many outputs as there are."""
    row = prod(p.shape[p.axis + 1 :])
    chunks = tuple(length * row for length in p.lengths)
    return split_call(p.dtype, prod(p.shape[: p.axis]), chunks, node.inputs[p.data], node)


def split_call(dtype: str, rows: int, chunks: Sequence[int], data: int, node: Node) -> KernelCall:
    """The call that deals each of `rows` out in `chunks`, in elements of `dtype`."""
    chunk_bytes = np.array(chunks, np.int32) * DTYPES[dtype].itemsize
    fields = (
        Field("int32_t", "rows", rows),
        Field("int32_t", "outputs", len(chunks)),
        Field("int32_t", "row_bytes", int(chunk_bytes.sum())),
        Field("int32_t", "chunk_bytes", Constant(chunk_bytes.astype(np.int32))),
    )
    return KernelCall("ep_split_x8", fields, (data,), node.outputs)


SPLIT = Op("SPLIT", read, (parts_are_equal, parts_fit), reference, kernel, cases, types=TYPES, typed_by=DATA)
