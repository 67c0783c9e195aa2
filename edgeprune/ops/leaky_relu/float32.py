"""LEAKY_RELU in float32: one factor for what is not above 0."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.leaky_relu.cases import cases
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph
from edgeprune.tflite.options import LeakyReluOptions


@dataclass(frozen=True)
class Params:
    elements: int
    alpha: float


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x = float_tensor(operands, operands.input(0))
    operands.same_shape(x, float_tensor(operands, operands.output()))
    alpha = operands.options(LeakyReluOptions).alpha
    if not math.isfinite(alpha):
        raise operands.error(f"alpha is {alpha}")
    return Params(x.elements, alpha)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input or its product with alpha."""
    assert inputs[0] is not None
    x = inputs[0].astype(np.float32)
    with np.errstate(all="ignore"):
        return [np.where(x > 0, x, x * np.float32(p.alpha))]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    fields = Field("int32_t", "count", p.elements), Field("float", "alpha", p.alpha)
    return KernelCall("ep_leaky_relu_f32", fields, node.inputs, node.outputs, lags=((0, 0),))


LEAKY_RELU_F32 = Op("LEAKY_RELU", read, (), reference, kernel, float_cases(cases), types=("float32",))
