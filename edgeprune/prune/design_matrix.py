"""A layer that makes new channels, as a matrix: its outputs are (what it reads) @ matrix + bias.

One row of the design is what one output position reads, one row of the matrix the weights of one of
these numbers for all output channels. So dense layers and all kinds of convolutions are fitted alike.
Of a separable convolution the matrix is the pointwise half, and its depthwise half belongs to the reading.
The matrix of a grouped convolution is zero outside the blocks of its groups.
"""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError
from edgeprune.graph.forward import evaluate, windows
from edgeprune.graph.ir import FloatArray, Node

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_BATCH = 32


def kernel_name(node: Node) -> str:
    """The weight that is the matrix."""
    return "pointwise_kernel" if node.kind.startswith("Separable") else "kernel"


def matrix(node: Node) -> Array:
    """The weights, (numbers that one output reads, output channels); the input channels run fastest."""
    kernel = node.weights[kernel_name(node)].astype(np.float64)
    if node.kind.endswith("Transpose"):
        kernel = np.swapaxes(kernel, -1, -2)
    flat = kernel.reshape(-1, kernel.shape[-1])
    parts = blocks(node)
    if len(parts) == 1:
        return flat
    found = np.zeros((len(flat) * len(parts), flat.shape[1]))
    for rows, outputs in parts:
        found[rows, outputs] = flat[:, outputs]
    return found


def blocks(node: Node) -> list[tuple[Places, slice]]:
    """The rows of the matrix and the output channels of each group of the layer; one for most layers."""
    kernel = node.weights[kernel_name(node)]
    if node.kind.endswith("Transpose"):
        kernel = np.swapaxes(kernel, -1, -2)
    groups, inputs, outputs = int(node.config.get("groups", 1)), kernel.shape[-2], kernel.shape[-1]
    rows = np.arange(kernel.size // outputs * groups).reshape(-1, groups, inputs)
    width = outputs // groups
    return [(rows[:, g].ravel(), slice(g * width, (g + 1) * width)) for g in range(groups)]


def with_matrix(node: Node, values: Array, bias: Array | None = None) -> Node:
    """`node` with other weights; its bias stays without `bias`."""
    name = kernel_name(node)
    shape = node.weights[name].shape
    if node.kind.endswith("Transpose"):
        values = np.swapaxes(values.reshape(*shape[:-2], shape[-1], shape[-2]), -1, -2)
    else:
        values = np.concatenate([values[rows, outputs] for rows, outputs in blocks(node)], axis=1)
    weights = {**node.weights, name: np.ascontiguousarray(values.reshape(shape), np.float32)}
    if bias is not None:
        weights["bias"] = bias.astype(np.float32)
    return replace(node, weights=weights)


def positions(node: Node) -> int:
    """How many places the output has, each with all output channels."""
    return math.prod(node.shape[:-1])


def sample_places(node: Node, examples: int, count: int, rng: np.random.Generator) -> Places:
    """For each example `count` different output places by lot, or all, (examples, count)."""
    order = rng.random((examples, positions(node))).argsort(axis=1)
    return np.sort(order[:, :count], axis=1)


def design(node: Node, x: FloatArray, places: Places) -> Array:
    """What the sampled `places` of each example read of `x`, (examples * places, rows of the matrix)."""
    batches = range(0, len(x), _BATCH)
    parts = [_read(node, x[at : at + _BATCH].astype(np.float64), places[at : at + _BATCH]) for at in batches]
    return np.concatenate(parts)


def _read(node: Node, x: Array, places: Places) -> Array:
    example = np.arange(len(x))[:, None]
    if node.kind in ("Conv1D", "Conv2D"):
        found = windows(node, x)
        read = found[example, places // found.shape[2], places % found.shape[2]]
        flat: Array = np.moveaxis(read, 2, -1).reshape(places.size, -1)
        return flat
    if node.kind == "Dense":
        whole = x.reshape(len(x), -1, x.shape[-1])
    elif node.kind.startswith("Separable") or node.kind.endswith("Transpose"):
        whole = _by_identity(node, x)
    else:
        raise InternalError(f"layer {node.name} ({node.kind}) is not known as a matrix")
    picked: Array = whole[example, places].reshape(places.size, -1)
    return picked


def _by_identity(node: Node, x: Array) -> Array:
    """What every place reads, (N, places, rows): the layer itself with the identity for its matrix."""
    name = kernel_name(node)
    shape = node.weights[name].shape
    rows = matrix(node).shape[0]
    if node.kind.endswith("Transpose"):
        eye = np.swapaxes(np.eye(rows).reshape(*shape[:-2], shape[-1], rows), -1, -2)
    else:
        eye = np.eye(rows).reshape(*shape[:-1], rows)
    weights = {key: array for key, array in node.weights.items() if key != "bias"}
    reader = replace(
        node,
        shape=(*node.shape[:-1], rows),
        config={**node.config, "activation": "linear"},
        weights={**weights, name: eye.astype(np.float32)},
    )
    return evaluate(reader, [x]).reshape(len(x), -1, rows)
