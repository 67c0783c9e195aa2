"""SHAPE: the extents of a tensor as int32, known when the network is compiled.

`ops/fold.py` makes it a constant where it can; where a network's output needs it, a kernel writes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Constant, Field, KernelCall, Op
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.shape.cases import cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    shape: Shape
    out_shape: Shape


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    if out.dtype != "int32":
        raise operands.error(f"{out.name!r} is {out.dtype}, must be int32")
    return Params(x.shape, out.shape)


def output_is_a_vector(p: Params) -> bool:
    """The input must have a dimension, and the output one element for each."""
    return p.out_shape == (len(p.shape),) and len(p.shape) > 0


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The extents."""
    return [np.array(p.shape, np.int32)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The input is not read."""
    fields = (
        Field("int32_t", "count", len(p.shape)),
        Field("int32_t", "extents", Constant(np.array(p.shape, np.int32))),
    )
    return KernelCall("ep_shape_s32", fields, (), node.outputs)


SHAPE = Op("SHAPE", read, (output_is_a_vector,), reference, kernel, cases)
