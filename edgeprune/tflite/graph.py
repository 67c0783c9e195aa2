"""QuantGraph: an int8 network as its `.tflite` file states it, checked, immutable, integers only.

Tensors are referred to by index, nodes run in list order, and shapes are TFLite's own, with the
batch dimension (1) in front. `tflite/read.py` makes it from bytes; `ops` gives nodes their meaning.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.tflite.options import Options

Array = npt.NDArray[np.generic]

DTYPES: dict[str, np.dtype[Any]] = {
    "int8": np.dtype(np.int8),
    "uint8": np.dtype(np.uint8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "float32": np.dtype(np.float32),
    "bool": np.dtype(np.bool_),
}


@dataclass(frozen=True)
class Quantization:
    """real = scale * (integer - zero_point); one pair, or one for each slice along `axis`.

    Every scale is a Python float that holds a float32 exactly.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    """A value of the network.

    `data` holds the bytes of a constant, or those that a variable starts with; None for an activation.
    A variable keeps its value from one run of the network to the next.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    quantization: Quantization | None = None
    data: bytes | None = None
    is_variable: bool = False

    @property
    def is_constant(self) -> bool:
        return self.data is not None and not self.is_variable

    @cached_property
    def elements(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def size_bytes(self) -> int:
        return self.elements * DTYPES[self.dtype].itemsize

    def array(self) -> Array:
        """The constant, or what a variable starts with: read-only; raises ValueError for an activation."""
        if self.data is None:
            raise ValueError(f"tensor {self.name!r} is not a constant")
        return np.frombuffer(self.data, DTYPES[self.dtype]).reshape(self.shape)

    @property
    def scale(self) -> float:
        """The only scale; raises ValueError where there is none or one for each channel."""
        return self._single().scales[0]

    @property
    def zero_point(self) -> int:
        """The only zero point; raises ValueError where there is none or one for each channel."""
        return self._single().zero_points[0]

    def _single(self) -> Quantization:
        if self.quantization is None or len(self.quantization.scales) != 1:
            raise ValueError(f"tensor {self.name!r} has no single scale")
        return self.quantization


@dataclass(frozen=True)
class Node:
    """One operator: `op` is TFLite's name for it, tensors are indices, -1 an input left out."""

    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options


@dataclass(frozen=True)
class QuantGraph:
    """A whole network; nodes are in an order in which they can run."""

    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @cached_property
    def variables(self) -> tuple[int, ...]:
        """The variables that nodes use: the network's state."""
        used = {i for node in self.nodes for i in (*node.inputs, *node.outputs) if i >= 0}
        return tuple(i for i in sorted(used) if self.tensors[i].is_variable)

    def place(self, node: Node) -> str:
        """Where `node` is, for messages: operator, position and the name of its output."""
        return f"{node.op} (node {self.nodes.index(node)}, {self.tensors[node.outputs[0]].name!r})"
