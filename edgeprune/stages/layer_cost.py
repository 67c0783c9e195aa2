"""What a network costs on a device, from layer shapes alone; a model, measured before it is believed.

On a microcontroller, the kernels' own counts of instructions: for each convolution and dense layer an int8
operator of its shape is bound, the compiler chooses its kernel, and that kernel says how many instructions
it takes. So a width that a kernel handles badly (an odd number of channels) costs more than a larger one
that it likes, as on the board. Other layers count a handful of instructions an element.

Under LiteRT, what XNNPACK computes: it works on whole tiles of output and input channels, and what it
computes beyond the last one costs as much. Everything is counted in multiply-accumulates of a convolution.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.graph.ir import Graph, Node, Shape
from edgeprune.ops import bind
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.ops.choose import preferred
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ConvOptions, DepthwiseConvOptions, FullyConnectedOptions, Padding

PER_ELEMENT = 6.0  # instructions of an element of an addition or a pooling, a rough middle
PER_MAC = 3.0  # of a portable kernel
LAYER = 300.0  # of calling one

# Of XNNPACK, in MACs of a convolution in the same time: fitted by eye to the operators of ResNet-8 and
# MobileNetV1 0.25 on x86-64 with VNNI (tools/bench/results/linux-pruned.json); tools/bench/tiles.py holds the
# model against exact counts on Arm cores.
_TILED_OUTPUT = 70.0
_TILED_DEPTHWISE = 15.0
_TILED_ELEMENT = 40.0
_TILED_CALL = 50_000.0
_FREE = (
    "InputLayer",
    "BatchNormalization",
    "Activation",
    "ReLU",
    "Flatten",
    "Reshape",
    "Dropout",
    "Identity",
)


class LayerCosts(ABC):
    """Costs of Graphs; a shape that came before is looked up."""

    def __init__(self) -> None:
        self._known: dict[object, float] = {}

    @abstractmethod
    def operator(self, graph: QuantGraph) -> float:
        """The cost of the one int8 operator in `graph`, which has weights to multiply."""

    @abstractmethod
    def other(self, elements: int) -> float:
        """The cost of a layer without weights to multiply, of so many elements."""

    def total(self, graph: Graph) -> float:
        """Modelled cost of one inference."""
        return sum(self.by_layer(graph).values())

    def by_layer(self, graph: Graph) -> Mapping[str, float]:
        """The same by node."""
        return {node.name: self._node(graph, node) for node in graph.nodes}

    def _node(self, graph: Graph, node: Node) -> float:
        sources = tuple(graph.by_name[name].shape for name in node.inputs)
        key = (node.kind, sources, node.shape, _window(node))
        if key not in self._known:
            self._known[key] = self._cost(node, sources)
        return self._known[key]

    def _cost(self, node: Node, sources: tuple[Shape, ...]) -> float:
        if node.kind in _FREE:
            return 0.0
        operators = _operators(node, sources)
        if not operators:
            return self.other(max(math.prod(node.shape), *(math.prod(s) for s in sources)))
        return sum(self.operator(operator) for operator in operators)


class InstructionCosts(LayerCosts):
    """Instructions on the core of `goal`."""

    def __init__(self, goal: Goal) -> None:
        super().__init__()
        self._goal = goal

    def other(self, elements: int) -> float:
        """A handful an element."""
        return LAYER + PER_ELEMENT * elements

    def operator(self, graph: QuantGraph) -> float:
        """What the kernel says that the compiler chooses."""
        (bound,) = bind(graph)
        variant = preferred(bound, self._goal)
        if variant is not None:
            return LAYER + float(variant.instructions(bound.params))
        weights = graph.tensors[graph.nodes[0].inputs[1]].elements
        out = graph.tensors[graph.outputs[0]].shape
        return LAYER + PER_MAC * weights * math.prod(out[1:-1])


class TileCosts(LayerCosts):
    """What XNNPACK computes, in MACs; `tile`: output and input channels that it multiplies together."""

    def __init__(self, tile: tuple[int, int]) -> None:
        super().__init__()
        self._outputs, self._inputs = tile

    def other(self, elements: int) -> float:
        """Reading and writing."""
        return _TILED_CALL + _TILED_ELEMENT * elements

    def operator(self, graph: QuantGraph) -> float:
        """Whole tiles, and what each output takes besides."""
        weights = graph.tensors[graph.nodes[0].inputs[1]].shape
        *places, channels = graph.tensors[graph.outputs[0]].shape
        outputs = math.prod(places) * _up(channels, self._outputs)
        if graph.nodes[0].op == "DEPTHWISE_CONV_2D":
            return _TILED_CALL + _TILED_DEPTHWISE * math.prod(weights[1:3]) * outputs
        products = math.prod(weights[1:-1]) * _up(weights[-1], self._inputs)
        return _TILED_CALL + (products + _TILED_OUTPUT) * outputs


def _up(channels: int, multiple: int) -> int:
    return math.ceil(channels / multiple) * multiple


def _window(node: Node) -> object:
    keys = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "groups")
    return tuple(str(node.config.get(key)) for key in keys)


def _operators(node: Node, sources: tuple[Shape, ...]) -> list[QuantGraph]:
    """The int8 operators that the converter makes of a layer; none for layers without weights to multiply."""
    try:
        if node.kind == "Conv2D" and node.config.get("groups", 1) == 1:
            return [_conv(node, sources[0], node.shape)]
        if node.kind == "DepthwiseConv2D":
            return [_depthwise(node, sources[0], node.shape)]
        if node.kind == "SeparableConv2D":
            middle = (*node.shape[:-1], sources[0][-1] * int(node.config.get("depth_multiplier", 1)))
            pointwise = _conv(node, middle, node.shape, window=(1, 1), stride=(1, 1))
            return [_depthwise(node, sources[0], middle), pointwise]
        if node.kind == "Dense":
            return [_dense(sources[0], node.shape)]
    except ModelError:
        return []
    return []


def _padding(node: Node) -> Padding:
    return "SAME" if node.config.get("padding", "valid") == "same" else "VALID"


def _pair(value: Any) -> tuple[int, int]:
    values = [int(v) for v in np.ravel(value)]
    return values[0], values[-1]


def _ones(shape: tuple[int, ...], axis: int) -> Any:
    """Weights without a dead column or channel; one scale for each slice along `axis`."""
    return constant(np.ones(shape, np.int8), per_channel([0.01] * shape[axis], axis))


def _bias(channels: int) -> Any:
    return constant(np.zeros(channels, np.int32), per_channel([0.01 * 0.025] * channels, 0))


def _conv(
    node: Node,
    source: Shape,
    out: Shape,
    window: tuple[int, int] | None = None,
    stride: tuple[int, int] | None = None,
) -> QuantGraph:
    height, width = window or _pair(node.config["kernel_size"])
    stride_h, stride_w = stride or _pair(node.config.get("strides", 1))
    dilation_h, dilation_w = _pair(node.config.get("dilation_rate", 1)) if window is None else (1, 1)
    options = ConvOptions(_padding(node), stride_h, stride_w, dilation_h, dilation_w)
    weights = _ones((out[-1], height, width, source[-1]), 0)
    inputs = [activation((1, *source), 0.025, -7), weights, _bias(out[-1])]
    return one_op("CONV_2D", inputs, activation((1, *out), 2.0, 4), options)


def _depthwise(node: Node, source: Shape, out: Shape) -> QuantGraph:
    height, width = _pair(node.config["kernel_size"])
    stride_h, stride_w = _pair(node.config.get("strides", 1))
    dilation_h, dilation_w = _pair(node.config.get("dilation_rate", 1))
    multiplier = out[-1] // source[-1]
    options = DepthwiseConvOptions(_padding(node), stride_h, stride_w, dilation_h, dilation_w, multiplier)
    inputs = [activation((1, *source), 0.025, -7), _ones((1, height, width, out[-1]), 3), _bias(out[-1])]
    return one_op("DEPTHWISE_CONV_2D", inputs, activation((1, *out), 2.0, 4), options)


def _dense(source: Shape, out: Shape) -> QuantGraph:
    weights = constant(np.ones((out[-1], source[-1]), np.int8), per_tensor(0.01))
    bias = constant(np.zeros(out[-1], np.int32), per_tensor(0.01 * 0.025))
    inputs = [activation((1, *source), 0.025, -7), weights, bias]
    return one_op("FULLY_CONNECTED", inputs, activation((1, *out), 2.0, 4), FullyConnectedOptions())
