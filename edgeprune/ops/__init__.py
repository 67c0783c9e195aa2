"""Every operator that edgeprune compiles, and what a whole network of them computes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeprune.errors import DataError, InternalError, ModelError
from edgeprune.ops.add.op import ADD
from edgeprune.ops.avg_pool2d.op import AVERAGE_POOL_2D
from edgeprune.ops.base import Op
from edgeprune.ops.concatenation.op import CONCATENATION
from edgeprune.ops.conv2d.op import CONV_2D
from edgeprune.ops.depthwise_conv2d.op import DEPTHWISE_CONV_2D
from edgeprune.ops.dequantize.op import DEQUANTIZE
from edgeprune.ops.fully_connected.op import FULLY_CONNECTED
from edgeprune.ops.leaky_relu.op import LEAKY_RELU
from edgeprune.ops.logistic.op import LOGISTIC
from edgeprune.ops.max_pool2d.op import MAX_POOL_2D
from edgeprune.ops.mean.op import MEAN
from edgeprune.ops.mul.op import MUL
from edgeprune.ops.pad.op import PAD
from edgeprune.ops.padv2.op import PADV2
from edgeprune.ops.quantize.op import QUANTIZE
from edgeprune.ops.relu.op import RELU
from edgeprune.ops.relu6.op import RELU6
from edgeprune.ops.reshape.op import RESHAPE
from edgeprune.ops.resize_nearest_neighbor.op import RESIZE_NEAREST_NEIGHBOR
from edgeprune.ops.softmax.op import SOFTMAX
from edgeprune.ops.strided_slice.op import STRIDED_SLICE
from edgeprune.ops.sub.op import SUB
from edgeprune.ops.tanh.op import TANH
from edgeprune.ops.transpose.op import TRANSPOSE
from edgeprune.table import Table
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph, Tensor

OPS: Table[Op[Any]] = Table(
    "operator",
    # One line per operator, in the order of the documents.
    # Convolutions, dense layers and pooling.
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    AVERAGE_POOL_2D,
    MAX_POOL_2D,
    # Arithmetic, activations, shapes and conversions.
    ADD,
    SUB,
    MUL,
    MEAN,
    PAD,
    PADV2,
    RESHAPE,
    CONCATENATION,
    SOFTMAX,
    LOGISTIC,
    TANH,
    RELU,
    RELU6,
    LEAKY_RELU,
    QUANTIZE,
    DEQUANTIZE,
    TRANSPOSE,
    STRIDED_SLICE,
    RESIZE_NEAREST_NEIGHBOR,
    error=ModelError,
)


def all_ops() -> Iterator[Op[Any]]:
    """Every operator on every type."""
    for op in OPS:
        yield from (op, *op.others)


@dataclass(frozen=True)
class BoundNode:
    """A node with its operator and the operator's parameters, read and checked."""

    node: Node
    op: Op[Any]
    params: Any
    macs: int


def bind(graph: QuantGraph) -> tuple[BoundNode, ...]:
    """Give each node its meaning, in running order; raises ModelError for what is not supported."""
    unknown = sorted({node.op for node in graph.nodes if node.op not in OPS})
    if unknown:
        first = next(node for node in graph.nodes if node.op == unknown[0])
        others = f" (nor are {', '.join(unknown[1:])})" if unknown[1:] else ""
        raise ModelError(
            f"{graph.place(first)}: the operator is not supported{others}",
            hint=f"replace the layer by supported operators: {', '.join(OPS.names)}",
        )
    bound = []
    for node in graph.nodes:
        op = OPS[node.op].of(graph, node)
        params = op.checked(graph, node)
        bound.append(BoundNode(node, op, params, op.macs(params)))
    return tuple(bound)


def evaluate(graph: QuantGraph, inputs: Sequence[Array]) -> list[Array]:
    """Run the reference of each node; arrays in and out have the shapes of the graph's tensors.

    Raises ModelError for what is not supported and DataError for inputs that do not fit.
    """
    nodes = bind(graph)
    if len(inputs) != len(graph.inputs):
        raise DataError(f"the model has {len(graph.inputs)} inputs, {len(inputs)} were given")
    values: dict[int, Array] = {}
    for index, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[index]
        if not _fits(array, tensor):
            raise DataError(
                f"input {tensor.name!r} is {tensor.dtype} {tensor.shape}, got {array.dtype} {array.shape}"
            )
        values[index] = array
    for bound in nodes:
        operands = [None if i < 0 else _value(graph, values, i) for i in bound.node.inputs]
        results = bound.op.reference(bound.params, operands)
        for index, result in zip(bound.node.outputs, results, strict=True):
            if not _fits(result, graph.tensors[index]):
                raise InternalError(
                    f"{graph.place(bound.node)}: the reference made {result.dtype} {result.shape}, "
                    f"the model states {graph.tensors[index].dtype} {graph.tensors[index].shape}"
                )
            values[index] = result
    return [_value(graph, values, i) for i in graph.outputs]


def merge(graphs: Sequence[QuantGraph]) -> QuantGraph:
    """Networks that have nothing to do with each other as one, run one after the other."""
    tensors: list[Tensor] = []
    nodes: list[Node] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for number, graph in enumerate(graphs):
        first = len(tensors)
        tensors += [replace(tensor, name=f"{number}/{tensor.name}") for tensor in graph.tensors]
        for node in graph.nodes:
            reads = tuple(i + first if i >= 0 else i for i in node.inputs)
            nodes.append(replace(node, inputs=reads, outputs=tuple(i + first for i in node.outputs)))
        inputs += [i + first for i in graph.inputs]
        outputs += [i + first for i in graph.outputs]
    return QuantGraph(tuple(tensors), tuple(nodes), tuple(inputs), tuple(outputs))


def _fits(array: Array, tensor: Tensor) -> bool:
    return array.shape == tensor.shape and array.dtype == DTYPES[tensor.dtype]


def _value(graph: QuantGraph, values: dict[int, Array], index: int) -> Array:
    return graph.tensors[index].array() if index not in values else values[index]
