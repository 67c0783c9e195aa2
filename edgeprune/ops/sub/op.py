"""SUB, int8: ADD's arithmetic with the second operand's sign turned, on ADD's kernel."""

from dataclasses import replace

from edgeprune.ops.add.m0 import ADD_M0
from edgeprune.ops.add.op import RULES, Params, kernel, reference
from edgeprune.ops.add.op import read as read_add
from edgeprune.ops.base import Op
from edgeprune.ops.sub.cases import cases
from edgeprune.ops.sub.float32 import SUB_F32
from edgeprune.ops.sub.int16 import SUB_S16
from edgeprune.ops.sub.int32 import SUB_S32
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SUB."""
    return replace(read_add(graph, node), sign=-1)


SUB = Op(
    "SUB",
    read,
    RULES,
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(SUB_F32, SUB_S16, SUB_S32),
    variants=(ADD_M0,),
)
