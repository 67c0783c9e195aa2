"""What a Graph costs to run: multiply-accumulates and parameters, per node and in all.

Counted are the multiply-accumulates of convolutions and dense layers, padding included, for one input:

    Conv1D, Conv2D          out positions x kernel x in channels / groups x out channels
    DepthwiseConv           out positions x kernel x out channels
    SeparableConv           the depthwise and the pointwise part
    ConvTranspose           in positions x kernel x in channels x out channels
    Dense                   in features x units, for each position of an input that has several

Nothing else counts: no bias, normalisation (folded before it runs), activation, pooling or addition.
With `zeros="columns"` a convolution's kernel positions (row, column, input channel) that are zero for all
its filters do not count, as the compiler leaves them out; with `zeros="weights"` no zero weight counts,
which no kernel of ours can use.

Parameters are all weights, moving averages included; a shared layer runs twice but is stored once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np

from edgeprune.graph.ir import Graph, Node, Shape

Zeros = Literal["columns", "weights"]
COLUMN_KINDS = ("Conv1D", "Conv2D")


@dataclass(frozen=True)
class NodeCost:
    """The cost of one node; `parameters` is 0 where an earlier node holds the same layer."""

    name: str
    kind: str
    macs: int
    parameters: int


@dataclass(frozen=True)
class Cost:
    """The cost of a network for one input."""

    nodes: tuple[NodeCost, ...]

    @cached_property
    def by_node(self) -> Mapping[str, NodeCost]:
        return MappingProxyType({node.name: node for node in self.nodes})

    @property
    def macs(self) -> int:
        return sum(node.macs for node in self.nodes)

    @property
    def parameters(self) -> int:
        return sum(node.parameters for node in self.nodes)


def count(graph: Graph, zeros: Zeros | None = None) -> Cost:
    """Count multiply-accumulates and parameters of every node; some `zeros` of kernels do not count."""
    seen: set[str] = set()
    costs = []
    for node in graph.nodes:
        inputs = [graph.by_name[name].shape for name in node.inputs]
        parameters = 0 if node.layer in seen else node.parameters
        seen.add(node.layer)
        macs = _macs(node, inputs)
        if zeros is not None and macs:
            macs = round(macs * _live_share(node, zeros))
        costs.append(NodeCost(node.name, node.kind, macs, parameters))
    return Cost(tuple(costs))


def _macs(node: Node, inputs: list[Shape]) -> int:
    sizes = {name: int(array.size) for name, array in node.weights.items()}
    if node.kind in ("Conv1DTranspose", "Conv2DTranspose"):
        return sizes["kernel"] * math.prod(inputs[0][:-1])
    if "Conv" in node.kind:
        kernels = ("kernel", "depthwise_kernel", "pointwise_kernel")
        return sum(sizes.get(kernel, 0) for kernel in kernels) * math.prod(node.shape[:-1])
    if node.kind == "Dense":
        return sizes["kernel"] * math.prod(inputs[0][:-1])
    return 0


def _live_share(node: Node, zeros: Zeros) -> float:
    """The share of a node's kernel that counts."""
    kernels = [array for name, array in node.weights.items() if "kernel" in name]
    if zeros == "weights":
        return sum(int(np.count_nonzero(k)) for k in kernels) / max(1, sum(k.size for k in kernels))
    if node.kind not in COLUMN_KINDS or node.config.get("groups", 1) != 1:
        return 1.0
    columns = kernels[0].reshape(-1, kernels[0].shape[-1]).any(axis=1)
    return float(np.count_nonzero(columns)) / max(1, columns.size)
