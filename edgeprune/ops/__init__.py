"""Every operator that edgeprune compiles, and what a whole network of them computes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeprune.errors import DataError, InternalError, ModelError
from edgeprune.ops.abs.op import ABS
from edgeprune.ops.add.op import ADD
from edgeprune.ops.add_n.op import ADD_N
from edgeprune.ops.arg_max.op import ARG_MAX
from edgeprune.ops.arg_min.op import ARG_MIN
from edgeprune.ops.assign_variable.op import ASSIGN_VARIABLE
from edgeprune.ops.avg_pool2d.op import AVERAGE_POOL_2D
from edgeprune.ops.base import Op
from edgeprune.ops.batch_matmul.op import BATCH_MATMUL
from edgeprune.ops.batch_to_space_nd.op import BATCH_TO_SPACE_ND
from edgeprune.ops.broadcast_to.op import BROADCAST_TO
from edgeprune.ops.cast.op import CAST
from edgeprune.ops.ceil.op import CEIL
from edgeprune.ops.concatenation.op import CONCATENATION
from edgeprune.ops.conv2d.op import CONV_2D
from edgeprune.ops.cumsum.op import CUMSUM
from edgeprune.ops.depth_to_space.op import DEPTH_TO_SPACE
from edgeprune.ops.depthwise_conv2d.op import DEPTHWISE_CONV_2D
from edgeprune.ops.dequantize.op import DEQUANTIZE
from edgeprune.ops.div.op import DIV
from edgeprune.ops.elu.op import ELU
from edgeprune.ops.equal.op import EQUAL
from edgeprune.ops.exp.op import EXP
from edgeprune.ops.expand_dims.op import EXPAND_DIMS
from edgeprune.ops.floor.op import FLOOR
from edgeprune.ops.fully_connected.op import FULLY_CONNECTED
from edgeprune.ops.gather.op import GATHER
from edgeprune.ops.gather_nd.op import GATHER_ND
from edgeprune.ops.greater.op import GREATER
from edgeprune.ops.greater_equal.op import GREATER_EQUAL
from edgeprune.ops.hard_swish.op import HARD_SWISH
from edgeprune.ops.l2_normalization.op import L2_NORMALIZATION
from edgeprune.ops.leaky_relu.op import LEAKY_RELU
from edgeprune.ops.less.op import LESS
from edgeprune.ops.less_equal.op import LESS_EQUAL
from edgeprune.ops.log.op import LOG
from edgeprune.ops.log_softmax.op import LOG_SOFTMAX
from edgeprune.ops.logical_and.op import LOGICAL_AND
from edgeprune.ops.logical_not.op import LOGICAL_NOT
from edgeprune.ops.logical_or.op import LOGICAL_OR
from edgeprune.ops.logistic.op import LOGISTIC
from edgeprune.ops.max_pool2d.op import MAX_POOL_2D
from edgeprune.ops.maximum.op import MAXIMUM
from edgeprune.ops.mean.op import MEAN
from edgeprune.ops.minimum.op import MINIMUM
from edgeprune.ops.mirror_pad.op import MIRROR_PAD
from edgeprune.ops.mul.op import MUL
from edgeprune.ops.neg.op import NEG
from edgeprune.ops.not_equal.op import NOT_EQUAL
from edgeprune.ops.pack.op import PACK
from edgeprune.ops.pad.op import PAD
from edgeprune.ops.padv2.op import PADV2
from edgeprune.ops.prelu.op import PRELU
from edgeprune.ops.quantize.op import QUANTIZE
from edgeprune.ops.read_variable.op import READ_VARIABLE
from edgeprune.ops.reduce_max.op import REDUCE_MAX
from edgeprune.ops.reduce_min.op import REDUCE_MIN
from edgeprune.ops.relu.op import RELU
from edgeprune.ops.relu6.op import RELU6
from edgeprune.ops.reshape.op import RESHAPE
from edgeprune.ops.resize_bilinear.op import RESIZE_BILINEAR
from edgeprune.ops.resize_nearest_neighbor.op import RESIZE_NEAREST_NEIGHBOR
from edgeprune.ops.reverse_v2.op import REVERSE_V2
from edgeprune.ops.round.op import ROUND
from edgeprune.ops.rsqrt.op import RSQRT
from edgeprune.ops.select_v2.op import SELECT_V2
from edgeprune.ops.shape.op import SHAPE
from edgeprune.ops.slice.op import SLICE
from edgeprune.ops.softmax.op import SOFTMAX
from edgeprune.ops.space_to_batch_nd.op import SPACE_TO_BATCH_ND
from edgeprune.ops.space_to_depth.op import SPACE_TO_DEPTH
from edgeprune.ops.split.op import SPLIT
from edgeprune.ops.split_v.op import SPLIT_V
from edgeprune.ops.sqrt.op import SQRT
from edgeprune.ops.square.op import SQUARE
from edgeprune.ops.squared_difference.op import SQUARED_DIFFERENCE
from edgeprune.ops.squeeze.op import SQUEEZE
from edgeprune.ops.strided_slice.op import STRIDED_SLICE
from edgeprune.ops.sub.op import SUB
from edgeprune.ops.sum.op import SUM
from edgeprune.ops.svdf.op import SVDF
from edgeprune.ops.tanh.op import TANH
from edgeprune.ops.transpose.op import TRANSPOSE
from edgeprune.ops.transpose_conv.op import TRANSPOSE_CONV
from edgeprune.ops.unidirectional_sequence_lstm.op import UNIDIRECTIONAL_SEQUENCE_LSTM
from edgeprune.ops.unpack.op import UNPACK
from edgeprune.ops.zeros_like.op import ZEROS_LIKE
from edgeprune.table import Table
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph, Tensor
from edgeprune.tflite.variables import ASSIGN, READ

OPS: Table[Op[Any]] = Table(
    "operator",
    # One line per operator, in the order of the documents.
    # Convolutions, dense layers and pooling.
    CONV_2D,
    DEPTHWISE_CONV_2D,
    TRANSPOSE_CONV,
    FULLY_CONNECTED,
    BATCH_MATMUL,
    AVERAGE_POOL_2D,
    MAX_POOL_2D,
    # Arithmetic, activations, shapes and conversions.
    ADD,
    SUB,
    MUL,
    ADD_N,
    CUMSUM,
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
    RESIZE_BILINEAR,
    # What only moves elements.
    SLICE,
    SPLIT,
    SPLIT_V,
    PACK,
    UNPACK,
    GATHER,
    GATHER_ND,
    REVERSE_V2,
    BROADCAST_TO,
    SQUEEZE,
    EXPAND_DIMS,
    SHAPE,
    SPACE_TO_DEPTH,
    DEPTH_TO_SPACE,
    SPACE_TO_BATCH_ND,
    BATCH_TO_SPACE_ND,
    MIRROR_PAD,
    # Functions of one element, of two, and of rows.
    PRELU,
    LOG_SOFTMAX,
    SQUARE,
    NEG,
    FLOOR,
    CEIL,
    SQRT,
    EXP,
    LOG,
    ROUND,
    RSQRT,
    ABS,
    ELU,
    HARD_SWISH,
    MAXIMUM,
    MINIMUM,
    EQUAL,
    NOT_EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    DIV,
    SQUARED_DIFFERENCE,
    LOGICAL_AND,
    LOGICAL_OR,
    LOGICAL_NOT,
    ZEROS_LIKE,
    SELECT_V2,
    CAST,
    SUM,
    REDUCE_MAX,
    REDUCE_MIN,
    ARG_MAX,
    ARG_MIN,
    L2_NORMALIZATION,
    # State.
    READ_VARIABLE,
    ASSIGN_VARIABLE,
    UNIDIRECTIONAL_SEQUENCE_LSTM,
    SVDF,
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
        _check_variables(graph, node, op)
        params = op.checked(graph, node)
        bound.append(BoundNode(node, op, params, op.macs(params)))
    return tuple(bound)


def _check_variables(graph: QuantGraph, node: Node, op: Op[Any]) -> None:
    """Variables are read and changed only where an operator is made for it, so that order is all."""
    made_for_it = {node.inputs[p] for p in op.variables if p < len(node.inputs)}
    if node.op == READ:
        made_for_it.update(node.inputs)
    if node.op == ASSIGN:
        made_for_it.update(node.outputs)
    for index in (*node.inputs, *node.outputs):
        if index >= 0 and graph.tensors[index].is_variable and index not in made_for_it:
            raise ModelError(
                f"{graph.place(node)}: {graph.tensors[index].name!r} is a variable, which only {READ}, "
                f"{ASSIGN} and operators with state of their own may use",
                hint="convert the model again, with the state left to the layers that have it",
            )


def evaluate(graph: QuantGraph, inputs: Sequence[Array]) -> list[Array]:
    """Run the network once, from the state that it starts with: see ReferenceModel."""
    return ReferenceModel(graph).run(inputs)


class ReferenceModel:
    """What a network computes, run after run: the references of its nodes and its variables' values."""

    def __init__(self, graph: QuantGraph) -> None:
        """Bind `graph`; raises ModelError for what is not supported."""
        self._graph = graph
        self._nodes = bind(graph)
        self.reset()

    def reset(self) -> None:
        """Put the variables to the values that they start with."""
        self._state = {i: self._graph.tensors[i].array() for i in self._graph.variables}

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One run; arrays in and out have the shapes of the graph's tensors. DataError if they do not fit."""
        values = self.trace(inputs)
        return [_value(self._graph, values, i) for i in self._graph.outputs]

    def trace(self, inputs: Sequence[Array]) -> dict[int, Array]:
        """One run; the value of every tensor that is no constant, by its index."""
        graph = self._graph
        if len(inputs) != len(graph.inputs):
            raise DataError(f"the model has {len(graph.inputs)} inputs, {len(inputs)} were given")
        values: dict[int, Array] = dict(self._state)
        for index, array in zip(graph.inputs, inputs, strict=True):
            tensor = graph.tensors[index]
            if not _fits(array, tensor):
                raise DataError(
                    f"input {tensor.name!r} is {tensor.dtype} {tensor.shape}, got {array.dtype} {array.shape}"
                )
            values[index] = array
        for bound in self._nodes:
            self._run_node(bound, values)
        self._state = {i: values[i] for i in self._state}
        return values

    def _run_node(self, bound: BoundNode, values: dict[int, Array]) -> None:
        graph, node = self._graph, bound.node
        operands = [None if i < 0 else _value(graph, values, i) for i in node.inputs]
        results = bound.op.reference(bound.params, operands)
        places = (*node.outputs, *(node.inputs[p] for p in bound.op.variables))
        for index, result in zip(places, results, strict=True):
            if not _fits(result, graph.tensors[index]):
                raise InternalError(
                    f"{graph.place(node)}: the reference made {result.dtype} {result.shape}, "
                    f"the model states {graph.tensors[index].dtype} {graph.tensors[index].shape}"
                )
            values[index] = result


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
