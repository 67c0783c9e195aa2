"""Nodes whose outputs are known when the network is compiled become constants.

Converters leave shape arithmetic (SHAPE, STRIDED_SLICE, PACK) in front of a RESHAPE. A SHAPE, and every
node that only reads constants, is evaluated by its reference. Results of more than MAX_FOLDED_BYTES stay
computed: a dequantized weight takes four times the flash that the weight does.
"""

from dataclasses import replace

import numpy as np

from edgeprune.ops import OPS
from edgeprune.tflite.graph import Node, QuantGraph, Tensor

MAX_FOLDED_BYTES = 1024


def fold(graph: QuantGraph) -> QuantGraph:
    """`graph` without the nodes that compute constants; its inputs and outputs are the same.

    Raises ModelError for such a node that is not supported.
    """
    kept = []
    for node in graph.nodes:
        if _is_known(graph, node):
            graph = replace(graph, tensors=_evaluated(graph, node))
        else:
            kept.append(node)
    return replace(graph, nodes=tuple(kept))


def _is_known(graph: QuantGraph, node: Node) -> bool:
    outputs = [graph.tensors[i] for i in node.outputs]
    if node.op not in OPS or any(tensor.is_variable for tensor in outputs):
        return False
    if set(node.outputs) & set(graph.outputs) or sum(t.size_bytes for t in outputs) > MAX_FOLDED_BYTES:
        return False
    return node.op == "SHAPE" or all(i < 0 or graph.tensors[i].is_constant for i in node.inputs)


def _evaluated(graph: QuantGraph, node: Node) -> tuple[Tensor, ...]:
    """The tensors of `graph`, the outputs of `node` among them now constants."""
    op = OPS[node.op].of(graph, node)
    present = [graph.tensors[i] if i >= 0 else None for i in node.inputs]
    arrays = [tensor.array() if tensor is not None and tensor.is_constant else None for tensor in present]
    tensors = list(graph.tensors)
    for index, result in zip(node.outputs, op.reference(op.checked(graph, node), arrays), strict=True):
        tensors[index] = replace(tensors[index], data=np.ascontiguousarray(result).tobytes())
    return tuple(tensors)
