"""SELECT_V2: elements of the second input where the first is true, else of the third; all broadcast.

Bytes are copied: TFLM does not compare the scales of the inputs with each other or the output's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.loops import Shape, broadcast_strides, loop_nest
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import elementwise_lag
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph, Tensor

TYPES = ("int8", "int16", "float32")
MAX_RANK = 5


@dataclass(frozen=True)
class Params:
    """`shapes` are those of the condition and the two inputs that are selected from."""

    shapes: tuple[Shape, ...]
    out_shape: Shape
    element_bytes: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    condition, a, b = (operands.input(position) for position in range(3))
    if condition.dtype != "bool":
        raise operands.error(f"the condition {condition.name!r} is {condition.dtype}, must be bool")
    out = operands.output()
    operands.same_dtype(a, b, TYPES)
    operands.same_dtype(a, out, TYPES)
    if a.dtype == "float32":
        float_tensor(operands, a)
        float_tensor(operands, b)
    return Params((condition.shape, a.shape, b.shape), out.shape, DTYPES[a.dtype].itemsize)


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most five dimensions."""
    try:
        return len(p.out_shape) <= MAX_RANK and np.broadcast_shapes(*p.shapes) == p.out_shape
    except ValueError:
        return False


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The selection, broadcast."""
    condition, a, b = inputs
    assert condition is not None and a is not None and b is not None
    return [np.where(condition, a, b).reshape(p.out_shape)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The kernel for elements of that size; it walks three inputs along the output."""
    nest = loop_nest(p.out_shape, *(broadcast_strides(shape, p.out_shape) for shape in p.shapes))
    names = ("condition", "a", "b")
    fields = (
        Field("int32_t", "extents", nest.extents),
        *(Field("int32_t", f"strides_{name}", nest.strides[i]) for i, name in enumerate(names)),
        Field("int32_t", "count", nest.count),
        *(Field("int32_t", f"step_{name}", nest.steps[i]) for i, name in enumerate(names)),
    )
    elements = prod(p.out_shape)
    sizes = (1, p.element_bytes, p.element_bytes)
    lags = tuple(
        (position, elementwise_lag(elements, size, p.element_bytes))
        for position, size in enumerate(sizes)
        if prod(p.shapes[position]) == elements
    )
    name = f"ep_select_x{8 * p.element_bytes}"
    return KernelCall(name, fields, node.inputs, node.outputs, lags=lags)


SHAPES: tuple[tuple[str, tuple[Shape, Shape, Shape]], ...] = (
    ("equal", ((1, 3, 5, 7), (1, 3, 5, 7), (1, 3, 5, 7))),
    ("one_condition", ((1,), (1, 3, 5), (1, 3, 5))),
    ("scalar_b", ((1, 2, 9), (1, 2, 9), ())),
    ("scalars", ((1, 2, 9), (), ())),
    ("rows", ((1, 4, 1, 1), (1, 4, 3, 5), (1, 4, 3, 5))),
    ("channels_a", ((1, 3, 2, 6), (6,), (1, 3, 2, 6))),
    ("three_ways", ((1, 4, 1, 1), (1, 1, 3, 1), (1, 1, 1, 5))),
    ("alternating_5d", ((1, 1, 3, 1, 2), (1, 3, 1, 2, 1), (1, 3, 3, 1, 1))),
    ("one_element", ((1,), (1,), (1,))),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every type with every pattern of broadcasting; constants."""
    for dtype in TYPES:
        for name, (condition, a, b) in SHAPES:
            inputs = [activation(condition, dtype="bool"), _tensor(a, dtype), _tensor(b, dtype)]
            out = _tensor(np.broadcast_shapes(condition, a, b), dtype)
            yield Case(f"{dtype}_{name}", one_op("SELECT_V2", inputs, out))
        mask = constant(rng.integers(0, 2, (4, 5)).astype(np.bool_))
        ones = constant(np.ones((5,), DTYPES[dtype]), _tensor((), dtype).quantization)
        x = _tensor((1, 4, 5), dtype)
        yield Case(f"{dtype}_constants", one_op("SELECT_V2", [mask, x, ones], x))


def _tensor(shape: Shape, dtype: str) -> Tensor:
    return activation(shape, 0.1, -5) if dtype == "int8" else activation(shape, dtype=dtype)


SELECT_V2 = Op("SELECT_V2", read, (shapes_are_supported,), reference, kernel, cases)
