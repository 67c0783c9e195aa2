"""SUB in int16: ADD's arithmetic with the second operand's sign turned, on ADD's kernel."""

from dataclasses import replace

from edgeprune.ops.add.int16 import TOO_FINE
from edgeprune.ops.add.wide import RULES, Params, kernel, read_add, reference
from edgeprune.ops.base import Op
from edgeprune.ops.retype import wide_cases
from edgeprune.ops.sub.cases import cases
from edgeprune.tflite.graph import Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SUB; raises ModelError."""
    return replace(read_add(graph, node), sign=-1)


SUB_S16 = Op("SUB", read, RULES, reference, kernel, wide_cases(cases, TOO_FINE), types=("int16",))
