"""What operators on one float32 tensor share: a function of each element, whose kernel is one loop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.floatmath import Floats
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int


def float_unary(name: str, kernel: str, function: Callable[[Floats], Floats]) -> Op[Params]:
    """Operator `name` on float32: `function` of each element; `kernel` has `ep_unary_params`."""

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        x = inputs[0]
        assert x is not None
        return [function(x.astype(np.float32)).reshape(x.shape)]

    def call(p: Params, node: Node) -> KernelCall:
        return unary_call(kernel, p.elements, node)

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for case, shape in (("vector", (50,)), ("matrix", (1, 100)), ("image", (1, 5, 7, 11)), ("one", (1,))):
            x, out = activation(shape, dtype="float32"), activation(shape, dtype="float32")
            yield Case(case, one_op(name, [x], out))

    return Op(name, _read, (), reference, call, cases, types=("float32",))


def unary_call(kernel: str, elements: int, node: Node, *fields: Field) -> KernelCall:
    """The call of a kernel that goes through `elements` elements, as wide in the output as in the input."""
    return KernelCall(
        kernel, (Field("int32_t", "count", elements), *fields), node.inputs, node.outputs, lags=((0, 0),)
    )


def _read(graph: QuantGraph, node: Node) -> Params:
    operands = Operands(graph, node)
    operands.count(1, 1)
    x = float_tensor(operands, operands.input(0))
    operands.same_shape(x, float_tensor(operands, operands.output()))
    return Params(x.elements)
