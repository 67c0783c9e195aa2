"""What operators on two tensors of one type share where scales do not matter: a function of each pair.

MAXIMUM, MINIMUM and the comparisons of types without scales; int8 for the former, whose bytes TFLM
compares as they are. The kernel is one loop nest for each type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.broadcast import (
    SHAPES,
    Shapes,
    elementwise_lags,
    loop_fields,
    read_shapes,
    shapes_broadcast,
)
from edgeprune.ops.builder import activation, constant, one_op
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph, Tensor

Function = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Params:
    shapes: Shapes
    dtype: str


def shapes_are_supported(p: Params) -> bool:
    """The inputs' shapes must broadcast to the output's, with at most six dimensions."""
    return shapes_broadcast(p.shapes)


def plain_binary(
    name: str,
    kernels: Mapping[str, str],
    function: Function,
    fields: tuple[Field, ...] = (),
    out_dtype: str | None = None,
    others: tuple[Op[Params], ...] = (),
) -> Op[Params]:
    """Operator `name` for the types that `kernels` names; `fields` follow the loops in their params.

    The output has the inputs' type, unless `out_dtype` is another.
    """

    def read(graph: QuantGraph, node: Node) -> Params:
        operands = Operands(graph, node)
        operands.count(2, 2)
        a, b = operands.input(0), operands.input(1)
        operands.same_dtype(a, b, kernels)
        out = operands.output()
        if out.dtype != (out_dtype or a.dtype):
            raise operands.error(f"{out.name!r} is {out.dtype}, must be {out_dtype or a.dtype}")
        for tensor in (a, b):
            if tensor.dtype == "float32":
                float_tensor(operands, tensor)
        return Params(read_shapes(operands), a.dtype)

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        a, b = inputs
        assert a is not None and b is not None
        return [function(a, b).astype(DTYPES[out_dtype or p.dtype]).reshape(p.shapes.out)]

    def kernel(p: Params, node: Node) -> KernelCall:
        params = (*loop_fields(p.shapes), *fields)
        return KernelCall(
            kernels[p.dtype], params, node.inputs, node.outputs, lags=elementwise_lags(p.shapes)
        )

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for dtype in kernels:
            for case, inputs in _inputs(dtype, rng):
                shape = np.broadcast_shapes(*(tensor.shape for tensor in inputs))
                out = _tensor(shape, out_dtype or dtype)
                yield Case(f"{dtype}_{case}", one_op(name, inputs, out))

    return Op(
        name, read, (shapes_are_supported,), reference, kernel, cases, types=tuple(kernels), others=others
    )


def _inputs(dtype: str, rng: np.random.Generator) -> Iterator[tuple[str, list[Tensor]]]:
    for case, a, b in SHAPES:
        yield case, [_tensor(a, dtype), _tensor(b, dtype)]
    x = _tensor((1, 4, 5, 3), dtype)
    yield "same_tensor", [x, x]
    # From a range so small that there are equal elements.
    values = rng.integers(0, 2 if dtype == "bool" else 4, (5, 3)).astype(DTYPES[dtype])
    yield "constant_b", [x, constant(values, x.quantization)]


def _tensor(shape: tuple[int, ...], dtype: str) -> Tensor:
    return activation(shape, 0.1, -5) if dtype == "int8" else activation(shape, dtype=dtype)
