"""PADV2, int8: PAD with a constant to fill with, on PAD's kernel."""

from edgeprune.ops.base import Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.pad.op import RULES, Params, kernel, params_of, reference
from edgeprune.ops.padv2.cases import cases
from edgeprune.ops.padv2.float32 import PADV2_F32
from edgeprune.ops.padv2.int16 import PADV2_S16
from edgeprune.ops.padv2.int32 import PADV2_S32
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a PADV2."""
    operands = Operands(graph, node)
    operands.count(3, 3)
    value, out = operands.int8(operands.constant(2)), operands.int8(operands.output())
    if value.elements != 1:
        raise operands.error(f"{value.name!r} has {value.elements} values, must be one")
    if (value.scale, value.zero_point) != (out.scale, out.zero_point):
        raise operands.error(f"{value.name!r} must have the scale and zero point of the output")
    return params_of(operands, int(value.array().reshape(-1)[0]))


PADV2 = Op(
    "PADV2",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(PADV2_F32, PADV2_S16, PADV2_S32),
)
