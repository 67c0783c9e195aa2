"""A network run on examples one node after the other, each on all of them before the next.

What layer-by-layer reconstruction needs: at every layer the inputs of all examples are at hand, and the
layer may be changed before it runs. An output is kept in single precision until its last reader has run.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.graph.ir import FloatArray, Graph, Node

_BATCH = 64


class Stepwise:
    """The outputs that are still needed, by node; `run` takes the nodes in their order, in Keras."""

    def __init__(self, graph: Graph, x: npt.NDArray[np.float32]) -> None:
        if len(graph.inputs) != 1:
            raise UsageError(
                f"{graph.name} has {len(graph.inputs)} inputs; this pruning method takes one",
                hint="choose a method that looks at weights alone, such as l1",
            )
        self._x = np.asarray(x, np.float32)
        self._values: dict[str, FloatArray] = {}
        self._waiting = {name: len(users) for name, users in graph.users.items()}

    def input(self, node: Node) -> FloatArray:
        """What the node's first input holds now, (N, *shape)."""
        return self._values[node.inputs[0]]

    def run(self, node: Node) -> None:
        """Run one node on all examples."""
        if node.kind == "InputLayer":
            self._values[node.name] = self._x
            return
        layer = _alone(node, {name: self._values[name].shape[1:] for name in node.inputs})
        sources = [self._values[name] for name in dict.fromkeys(node.inputs)]
        parts = []
        for at in range(0, len(self._x), _BATCH):
            batch = [source[at : at + _BATCH] for source in sources]
            out = layer(batch if len(batch) > 1 else batch[0], training=False)
            parts.append(np.asarray(out, np.float32))
        self._values[node.name] = np.concatenate(parts)
        for name in dict.fromkeys(node.inputs):
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._values[name]


def _alone(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """The Keras model of one node; its inputs are those of `shapes`, in their order."""
    from edgeprune.graph.keras_out import to_keras

    names = {name: f"alone_{place}" for place, name in enumerate(shapes)}  # unlike any layer's
    sources = [
        Node(names[name], "InputLayer", (), shape, {}, {}, names[name]) for name, shape in shapes.items()
    ]
    inner = replace(node, inputs=tuple(names[name] for name in node.inputs))
    return to_keras(Graph("alone", (*sources, inner), tuple(names.values()), (node.name,)))
