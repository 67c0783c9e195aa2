"""ADD_N in float32: inputs are added in their order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.add_n.cases import cases
from edgeprune.ops.add_n.geometry import read_shape
from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.cumsum.cases import SCALES_ONLY
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


@dataclass(frozen=True)
class Params:
    elements: int
    inputs: int


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    read_shape(operands, "float32")
    for position in range(len(node.inputs)):
        float_tensor(operands, operands.input(position))
    return Params(operands.output().elements, len(node.inputs))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The sum."""
    total = np.zeros(np.asarray(inputs[0]).shape, np.float32)
    with np.errstate(all="ignore"):
        for x in inputs:
            total = total + np.asarray(x, np.float32)
    return [np.asarray(total, np.float32)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel; it takes as many inputs as there are."""
    fields = (Field("int32_t", "count", p.elements), Field("int32_t", "inputs", p.inputs))
    return KernelCall("ep_add_n_f32", fields, node.inputs, node.outputs)


ADD_N_F32 = Op("ADD_N", read, (), reference, kernel, float_cases(cases, SCALES_ONLY), types=("float32",))
