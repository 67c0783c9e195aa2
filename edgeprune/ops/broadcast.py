"""What ADD, SUB and MUL share: two inputs that broadcast to the output."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import get_args

import numpy as np

from edgeprune.ops.base import Case, Field
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.loops import MAX_RANK, Shape, broadcast_strides, loop_nest
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import Activation, ArithmeticOptions


@dataclass(frozen=True)
class Shapes:
    a: Shape
    b: Shape
    out: Shape


def read_shapes(operands: Operands) -> Shapes:
    """The shapes of a node with two inputs and one output."""
    return Shapes(operands.input(0).shape, operands.input(1).shape, operands.output().shape)


def shapes_broadcast(shapes: Shapes) -> bool:
    """Whether the inputs broadcast to exactly the output, within the loops that kernels have."""
    try:
        return len(shapes.out) <= MAX_RANK and np.broadcast_shapes(shapes.a, shapes.b) == shapes.out
    except ValueError:
        return False


def loop_fields(shapes: Shapes) -> tuple[Field, ...]:
    """The first fields of the params struct of a kernel that walks two inputs along the output."""
    strides_a, strides_b = broadcast_strides(shapes.a, shapes.out), broadcast_strides(shapes.b, shapes.out)
    nest = loop_nest(shapes.out, strides_a, strides_b)
    return (
        Field("int32_t", "extents", nest.extents),
        Field("int32_t", "strides_a", nest.strides[0]),
        Field("int32_t", "strides_b", nest.strides[1]),
        Field("int32_t", "count", nest.count),
        Field("int32_t", "step_a", nest.steps[0]),
        Field("int32_t", "step_b", nest.steps[1]),
    )


def elementwise_lags(shapes: Shapes) -> tuple[tuple[int, int], ...]:
    """KernelCall.lags of kernels on 8-bit elements: an input that is not broadcast may be overwritten."""
    sizes = [prod(shape) for shape in (shapes.a, shapes.b)]
    return tuple((position, 0) for position, size in enumerate(sizes) if size == prod(shapes.out))


SHAPES: tuple[tuple[str, Shape, Shape], ...] = (
    ("equal", (1, 3, 5, 7), (1, 3, 5, 7)),
    ("scalar_b", (1, 2, 9), ()),
    ("one_element_a", (1,), (1, 2, 3, 4)),
    ("one_element_both", (1,), (1, 1)),
    ("vector_b", (1, 4, 3, 5), (5,)),
    ("channels_a", (1, 1, 1, 6), (1, 3, 2, 6)),
    ("rows_b", (1, 4, 3, 5), (1, 4, 1, 1)),
    ("both_ways", (1, 4, 1, 5), (1, 1, 3, 1)),
    ("alternating_5d", (1, 1, 3, 1, 2), (1, 3, 1, 2, 1)),
    ("alternating_6d", (1, 3, 1, 2, 1, 3), (1, 1, 2, 1, 3, 1)),
    ("ranks_differ", (1, 1, 4), (4,)),
)


def shape_cases(op: str, out: tuple[float, int]) -> Iterator[Case]:
    """One network for each of `SHAPES`, with usual scales."""
    for name, a, b in SHAPES:
        inputs = [activation(a, 0.07, 3), activation(b, 0.11, -9)]
        result = activation(np.broadcast_shapes(a, b), *out)
        yield Case(name, one_op(op, inputs, result, ArithmeticOptions()))


def scale_cases(
    op: str, scales: Sequence[tuple[str, tuple[float, int], tuple[float, int], tuple[float, int]]]
) -> Iterator[Case]:
    """One network for each of `scales`: name, then scale and zero point of a, b and the output."""
    for name, a, b, out in scales:
        shape = (1, 4, 5, 13)
        inputs = [activation(shape, *a), activation(shape, *b)]
        yield Case(name, one_op(op, inputs, activation(shape, *out), ArithmeticOptions()))


def other_cases(op: str, rng: np.random.Generator) -> Iterator[Case]:
    """Constant operands, the same tensor twice, every fused activation."""
    shape = (1, 4, 5, 3)
    out = activation(shape, 0.05, 2)
    x = activation(shape, 0.04, -11)
    yield Case("constant_b", one_op(op, [x, _constant(rng, (3,))], out, ArithmeticOptions()))
    yield Case("constant_a", one_op(op, [_constant(rng, (5, 1)), x], out, ArithmeticOptions()))
    yield Case("same_tensor", one_op(op, [x, x], out, ArithmeticOptions()))
    activations: tuple[Activation, ...] = get_args(Activation)
    for name in activations[:4]:
        inputs = [x, activation(shape, 0.04, 30)]
        yield Case(f"fused_{name.lower()}", one_op(op, inputs, out, ArithmeticOptions(name)))


def _constant(rng: np.random.Generator, shape: Shape) -> Tensor:
    values = rng.integers(-128, 128, shape).astype(np.int8)
    return constant(values, per_tensor(0.03, 17))
