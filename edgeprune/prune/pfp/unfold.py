"""A layer as a matrix product: every output is a sum of weight * input over the rows of one column.

That is what the sensitivities share out, whatever the layer: convolution, dense, separable (its depthwise
half counts as part of the input), transposed (of the input with zeros put between) or grouped (with
weights of zero between the groups).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.graph.forward import evaluate
from edgeprune.graph.ir import FloatArray, Node
from edgeprune.prune.layers import SLICES


@dataclass(frozen=True, eq=False)
class Unfolded:
    """Output = kernel^T @ columns + bias, before the activation.

    inputs    (N, …, features), the layer's input, or its depthwise half's output
    columns   (rows, N * patches), what each output position reads
    kernel    (rows, output channels)
    features  (rows,), the place of each on the last axis of `inputs`
    """

    inputs: FloatArray
    columns: FloatArray
    kernel: FloatArray
    features: npt.NDArray[np.int64]


def kernel_of(node: Node) -> tuple[str, int]:
    """The weight that reads the channels of `node`, and their axis in it, from the end."""
    for weight, slices in SLICES[node.kind].items():
        for axis, side in slices:
            if weight != "depthwise_kernel" and side in ("in", "hidden"):
                return weight, axis
    raise KeyError(node.kind)


def repeats(node: Node) -> int:
    """How many rows' places of the kernel each input channel has: the multiplier of a separable layer."""
    return int(node.config.get("depth_multiplier", 1)) if node.kind.startswith("Separable") else 1


def kernel_rows(node: Node) -> FloatArray:
    """The kernel as (rows, output channels), rows by kernel position, then by input feature."""
    weight, axis = kernel_of(node)
    kernel = node.weights[weight]
    if axis == -1:  # transposed: (…, out, in), read back to front
        spatial = tuple(range(kernel.ndim - 2))
        kernel = np.flip(np.swapaxes(kernel, -1, -2), spatial)
    groups = int(node.config.get("groups", 1))
    if groups > 1:
        kernel = _spread_groups(kernel, groups)
    return np.ascontiguousarray(kernel.reshape(-1, kernel.shape[-1]))


def _spread_groups(kernel: FloatArray, groups: int) -> FloatArray:
    """The kernel of a grouped convolution, (…, in / groups, out), as one that reads all channels."""
    *spatial, inputs, outputs = kernel.shape
    whole = np.zeros((*spatial, groups, inputs, groups, outputs // groups), kernel.dtype)
    for group, part in enumerate(np.split(kernel, groups, axis=-1)):
        whole[..., group, :, group, :] = part
    return whole.reshape(*spatial, groups * inputs, outputs)


def features_of(node: Node) -> npt.NDArray[np.int64]:
    """The input feature of each of `kernel_rows`."""
    weight, axis = kernel_of(node)
    count = node.weights[weight].shape[axis] * int(node.config.get("groups", 1))
    return np.tile(np.arange(count), rows_of(node) // count)


def rows_of(node: Node) -> int:
    """How many rows `kernel_rows` has."""
    kernel = node.weights[kernel_of(node)[0]]
    return int(kernel.size) // node.shape[-1] * int(node.config.get("groups", 1))


def unfold(node: Node, x: npt.NDArray[Any]) -> Unfolded:
    """What `node` multiplies with what for inputs `x`, (N, *input shape)."""
    if node.kind.startswith("Separable"):
        x = evaluate(_depthwise_half(node), [np.asarray(x, np.float64)])
    x = np.asarray(x, np.float32)
    if node.kind == "Dense" or node.kind.startswith("Separable"):
        rows = x.reshape(-1, x.shape[-1])
    else:
        rows = _patches(node, x)
    return Unfolded(x, np.ascontiguousarray(rows.T), kernel_rows(node), features_of(node))


def _depthwise_half(node: Node) -> Node:
    """The first half of a separable convolution as a layer of its own."""
    depthwise = node.weights["depthwise_kernel"]
    return replace(
        node,
        kind=f"Depthwise{node.kind.removeprefix('Separable')}",
        shape=(*node.shape[:-1], depthwise.shape[-2] * depthwise.shape[-1]),
        config={**node.config, "activation": "linear"},
        weights={"depthwise_kernel": depthwise},
    )


def _patches(node: Node, x: FloatArray) -> FloatArray:
    """(N * patches, rows): the windows of a convolution, channels innermost."""
    import tensorflow as tf

    size = node.weights["kernel"].shape[:-2]
    strides, dilation = _extents(node, "strides"), _extents(node, "dilation_rate")
    padding = str(node.config.get("padding", "valid"))
    if padding == "causal":
        x = np.pad(x, ((0, 0), ((size[0] - 1) * dilation[0], 0), (0, 0)))
    if "Transpose" in node.kind:
        x = _spread(node, x, size, strides, dilation)
        strides = (1,) * len(size)
    if len(size) == 1:
        x, size, strides, dilation = x[:, :, None], (*size, 1), (*strides, 1), (*dilation, 1)
    found = tf.image.extract_patches(
        x,
        sizes=(1, *size, 1),
        strides=(1, *strides, 1),
        rates=(1, *dilation, 1),
        padding="SAME" if padding == "same" and "Transpose" not in node.kind else "VALID",
    )
    array: FloatArray = np.asarray(found)
    return array.reshape(-1, array.shape[-1])


def _spread(
    node: Node, x: FloatArray, size: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> FloatArray:
    """The input that an ordinary convolution turns into the outputs of a transposed one."""
    for axis, (extent, stride, rate) in enumerate(zip(size, strides, dilation, strict=True), start=1):
        reach = (extent - 1) * rate
        out = node.shape[axis - 1]
        full = (x.shape[axis] - 1) * stride + 1 + reach
        start = max(full - out, 0) // 2 if node.config.get("padding", "valid") == "same" else 0
        shape = list(x.shape)
        shape[axis] = max(reach + full, start + out + reach)
        spread = np.zeros(shape, x.dtype)
        every = [slice(None)] * x.ndim
        every[axis] = slice(reach, full, stride)
        spread[tuple(every)] = x
        every[axis] = slice(start, start + out + reach)
        x = spread[tuple(every)]
    return x


def _extents(node: Node, key: str) -> tuple[int, ...]:
    """Setting `key` for each dimension of the kernel."""
    dimensions = len(node.weights["kernel"].shape) - 2
    values = np.ravel(node.config.get(key) or 1)
    return tuple(int(v) for v in (values if len(values) == dimensions else np.repeat(values, dimensions)))


def reads_padding(node: Node) -> bool:
    """Outputs of `node` may read fewer inputs at a border, or between strides, than elsewhere."""
    if "Transpose" in node.kind:
        return True
    if node.kind == "Dense" or node.kind.startswith("Separable"):  # a separable one's columns are padded
        return False
    is_pointwise = all(extent == 1 for extent in node.weights["kernel"].shape[:-2])
    return not is_pointwise and node.config.get("padding", "valid") != "valid"
