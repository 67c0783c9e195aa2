"""ZEROS_LIKE: bytes of 0 in the shape of the input, whatever that holds and whatever a 0 stands for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

TYPES = ("int8", "int32", "int64", "float32")


@dataclass(frozen=True)
class Params:
    shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    dtype: str
    out_dtype: str


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a ZEROS_LIKE."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    return Params(x.shape, out.shape, x.dtype, out.dtype)


def shapes_are_equal(p: Params) -> bool:
    """Input and output must have the same shape and type."""
    return (p.shape, p.dtype) == (p.out_shape, p.out_dtype)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Zeros."""
    return [np.zeros(p.shape, DTYPES[p.dtype])]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel, which does not look at the input."""
    count = int(np.prod(p.shape, dtype=np.int64)) * DTYPES[p.dtype].itemsize
    return KernelCall("ep_zeros_x8", (Field("int32_t", "count", count),), (), node.outputs)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every type."""
    for dtype in TYPES:
        scale = 0.1 if dtype == "int8" else None
        tensor = activation((1, 3, 5), scale, 7 if scale else 0, dtype)
        yield Case(dtype, one_op("ZEROS_LIKE", [tensor], tensor))


ZEROS_LIKE = Op("ZEROS_LIKE", read, (shapes_are_equal,), reference, kernel, cases, types=TYPES)
