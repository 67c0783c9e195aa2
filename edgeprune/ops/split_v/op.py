"""SPLIT_V: SPLIT into parts of any lengths, on SPLIT's kernel.

TFLM takes the lengths from the outputs and does not read the second input.
"""

from edgeprune.ops.base import Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.split.op import TYPES, Params, kernel, params_of, parts_fit, reference
from edgeprune.ops.split_v.cases import cases
from edgeprune.tflite.graph import Node, QuantGraph

DATA, AXIS = 0, 2
"""Positions among the inputs."""


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of a SPLIT_V."""
    operands = Operands(graph, node)
    operands.count(3, 3, outputs=len(node.outputs))
    return params_of(operands, DATA, AXIS)


SPLIT_V = Op("SPLIT_V", read, (parts_fit,), reference, kernel, cases, types=TYPES)
