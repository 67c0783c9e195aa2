"""Comparisons: int8 after rescaling, other types as they are.

TFLM rescales an int8 by its own scale to units of 1/256, rounding, and compares that: with scales far
below 1/256 different numbers become equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops import binary
from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.broadcast import (
    SHAPES,
    Shapes,
    elementwise_lags,
    loop_fields,
    read_shapes,
    shapes_broadcast,
)
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.compare.relations import EQUAL, GREATER, LESS, UNORDERED
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

EXTRA_BITS = 8
KERNELS = {"float32": "ep_compare_f32", "int32": "ep_compare_s32", "int64": "ep_compare_s64"}
BOOL_KERNELS = {"bool": "ep_compare_x8"}

SCALES = (
    ("zero_points_low", (0.1, -128), (0.2, -128)),
    ("zero_points_high", (0.1, 127), (0.2, 127)),
    ("zero_points_apart", (0.1, -128), (0.1, 127)),
    ("multiples", (0.25, 3), (0.125, -3)),
    ("same", (0.07, 3), (0.07, 3)),
    ("largest", (0.999, 3), (0.5, 0)),
    ("tiny", (1e-5, 3), (2e-5, 0)),
    ("vanishing", (1e-11, 3), (0.3, 0)),
)


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    scales: tuple[float, float]
    zero_point_a: int
    multiplier_a: int
    shift_a: int
    zero_point_b: int
    multiplier_b: int
    shift_b: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    a, b = operands.int8(operands.input(0)), operands.int8(operands.input(1))
    out = operands.output()
    if out.dtype != "bool":
        raise operands.error(f"{out.name!r} is {out.dtype}, must be bool")
    pairs = [(tensor.zero_point, *quantize_multiplier(tensor.scale)) for tensor in (a, b)]
    return Params(read_shapes(operands), (a.scale, b.scale), *pairs[0], *pairs[1])


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def scales_are_below_one(p: Params) -> bool:
    """The inputs' scales must be less than 1."""
    return max(p.scales) < 1.0 and max(p.shift_a, p.shift_b) <= 0


def holds(relation: int, a: Array, b: Array) -> Array:
    """Whether each of `a` is to each of `b` one of the things that `relation` allows."""
    less, equal, greater = np.less(a, b), np.equal(a, b), np.greater(a, b)
    kinds = np.select([less, equal, greater], [LESS, EQUAL, GREATER], UNORDERED)
    held: Array = (kinds & relation) != 0
    return held


def comparison(name: str, relation: int, plain: Op[binary.Params]) -> Op[Params]:
    """The operator `name` on int8; `plain` is the one on other types."""

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        a, b = inputs
        assert a is not None and b is not None
        left = (a.astype(np.int64) - p.zero_point_a) << EXTRA_BITS
        right = (b.astype(np.int64) - p.zero_point_b) << EXTRA_BITS
        scaled_a = multiply_by_quantized_multiplier(left, p.multiplier_a, p.shift_a)
        scaled_b = multiply_by_quantized_multiplier(right, p.multiplier_b, p.shift_b)
        return [holds(relation, scaled_a, scaled_b).reshape(p.shapes.out)]

    def kernel(p: Params, node: Node) -> KernelCall:
        names = "zero_point_a multiplier_a shift_a zero_point_b multiplier_b shift_b"
        scalars = (Field("int32_t", field, getattr(p, field)) for field in names.split())
        fields = (*loop_fields(p.shapes), Field("int32_t", "relation", relation), *scalars)
        return KernelCall("ep_compare_s8", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for case, a, b in SHAPES:
            inputs = [activation(a, 0.07, 3), activation(b, 0.11, -9)]
            yield Case(case, one_op(name, inputs, activation(np.broadcast_shapes(a, b), dtype="bool")))
        for case, x, y in SCALES:
            inputs = [activation((1, 4, 5, 13), *x), activation((1, 4, 5, 13), *y)]
            yield Case(case, one_op(name, inputs, activation((1, 4, 5, 13), dtype="bool")))

    return Op(
        name,
        read,
        (shapes_are_supported, scales_are_below_one),
        reference,
        kernel,
        cases,
        types=("int8",),
        others=(plain,),
    )


def plain_comparison(name: str, relation: int) -> Op[binary.Params]:
    """The operator `name` on types that are compared as they are: bool where order does not matter."""
    kernels = KERNELS | BOOL_KERNELS if relation in (EQUAL, LESS | GREATER | UNORDERED) else KERNELS
    field = Field("int32_t", "relation", relation)
    return binary.plain_binary(name, kernels, lambda a, b: holds(relation, a, b), (field,), out_dtype="bool")
