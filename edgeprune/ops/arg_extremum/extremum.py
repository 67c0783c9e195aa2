"""ARG_MAX and ARG_MIN along one axis, of int8 and float32, as int32: the first of equal elements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph

KERNELS = {"int8": "ep_arg_extremum_s8", "float32": "ep_arg_extremum_f32"}


@dataclass(frozen=True)
class Params:
    shape: Shape
    out_shape: Shape
    axis: int
    dtype: str


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out, axes = operands.input(0), operands.output(), operands.integers(1)
    if x.dtype not in KERNELS or out.dtype != "int32":
        raise operands.error(f"{x.dtype} to {out.dtype} is not supported")
    if x.dtype == "float32":
        float_tensor(operands, x)
    if len(axes) != 1:
        raise operands.error(f"has {len(axes)} axes, must have one")
    return Params(x.shape, out.shape, operands.axis(axes[0], len(x.shape)), x.dtype)


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axis, none of it empty."""
    return p.out_shape == p.shape[: p.axis] + p.shape[p.axis + 1 :] and 0 not in p.shape


def arg_extremum(name: str, *, is_maximum: bool) -> Op[Params]:
    """The operator `name`."""

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        x = inputs[0]
        assert x is not None
        found = np.argmax(x, axis=p.axis) if is_maximum else np.argmin(x, axis=p.axis)
        return [np.asarray(found, np.int32).reshape(p.out_shape)]

    def kernel(p: Params, node: Node) -> KernelCall:
        fields = (
            Field("int32_t", "outer", prod(p.shape[: p.axis])),
            Field("int32_t", "count", p.shape[p.axis]),
            Field("int32_t", "inner", prod(p.shape[p.axis + 1 :])),
            Field("int32_t", "is_maximum", int(is_maximum)),
        )
        return KernelCall(KERNELS[p.dtype], fields, node.inputs[:1], node.outputs)

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for dtype in KERNELS:
            for case, shape, axis in (
                ("classes", (1, 10), 1),
                ("negative_axis", (1, 10), -1),
                ("vector", (37,), 0),
                ("channels", (1, 3, 4, 5), 3),
                ("rows", (1, 6, 4, 5), 1),
                ("batch", (1, 6), 0),
                ("ties", (1, 2, 900), 2),
            ):
                x = activation(shape, 0.1, 3) if dtype == "int8" else activation(shape, dtype=dtype)
                d = axis % len(shape)
                out = activation(shape[:d] + shape[d + 1 :], dtype="int32")
                inputs = [x, constant(np.array([axis], np.int32))]
                yield Case(f"{dtype}_{case}", one_op(name, inputs, out))

    return Op(name, read, (shape_is_supported,), reference, kernel, cases, types=tuple(KERNELS))
