"""Where the int8 network rounds: which nodes' outputs have a range of their own.

    own      a range that training estimates: convolutions, sums, ReLU, the input
    fixed    TensorFlow Lite's own range: softmax and sigmoid 0 to 1, tanh -1 to 1
    same     the range of the input: pooling and whatever moves values without computing
    none     nothing is rounded here: a ReLU follows that is computed inside the operator, or a
             concatenation, whose inputs all take its range

Source:  TensorFlow Lite 8-bit quantization specification (operators with equal scales, fixed ranges);
         tensorflow-model-optimization, default_8bit transforms
"""

from collections.abc import Mapping
from typing import Literal

from edgeprune.graph.ir import Graph, Node
from edgeprune.quant.qat.prepare import WEIGHTED, is_relu

Place = Literal["own", "fixed", "same", "none"]

FIXED: Mapping[str, tuple[float, float]] = {
    "softmax": (0.0, 255 / 256),
    "sigmoid": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}
_SAME = frozenset(
    {f"{kind}{rank}D" for kind in ("MaxPooling", "AveragePooling", "GlobalMaxPooling") for rank in (1, 2)}
    | {f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2)}
    | {"Flatten", "Reshape", "Permute", "RepeatVector", "Identity"}
)
# Operators that compute a ReLU on their way out.
_FUSING = frozenset(
    {"Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D", "Dense", "Add", "Subtract", "Multiply"}
)


def places(graph: Graph) -> dict[str, Place]:
    """For every node of a prepared `graph`, how its output is rounded."""
    return {node.name: _place(graph, node) for node in graph.nodes}


def fixed_range(node: Node) -> tuple[float, float] | None:
    """The range that TensorFlow Lite gives the node's output, whatever it computes; None if it gives none."""
    name = "softmax" if node.kind == "Softmax" else node.config.get("activation")
    return FIXED.get(str(name)) if node.kind in ("Softmax", "Activation") else None


def _place(graph: Graph, node: Node) -> Place:
    if fixed_range(node) is not None:
        return "fixed"
    if node.kind in _SAME or (node.kind == "Activation" and node.config["activation"] == "linear"):
        return "same"
    users = graph.users[node.name]
    if len(users) == 1 and node.name not in graph.outputs:
        if node.kind in _FUSING and is_relu(users[0]):
            return "none"
        is_computed = node.kind in WEIGHTED or node.kind in _FUSING or is_relu(node)
        if users[0].kind == "Concatenate" and is_computed:
            return "none"
    return "own"
