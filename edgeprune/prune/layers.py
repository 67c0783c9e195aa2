"""Which axis of which weight belongs to a layer's input channels, and which to its output channels.

The one place that knows how Keras lays weights out. Axes count from the end, so that the 1-D and the
2-D form of a layer share a row. "hidden" is between the two halves of a separable convolution.
"""

from collections.abc import Mapping
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import Node

Side = Literal["in", "hidden", "out"]
Slices = Mapping[str, tuple[tuple[int, Side], ...]]
_Any = TypeVar("_Any", bound=np.generic)

_CONV: Slices = {"kernel": ((-2, "in"), (-1, "out")), "bias": ((-1, "out"),)}
_TRANSPOSED: Slices = {"kernel": ((-1, "in"), (-2, "out")), "bias": ((-1, "out"),)}
_DEPTHWISE: Slices = {
    "kernel": ((-2, "in"),),
    "depthwise_kernel": ((-2, "in"),),  # its name before Keras 3
    "bias": ((-1, "out"),),
}
_SEPARABLE: Slices = {
    "depthwise_kernel": ((-2, "in"),),
    "pointwise_kernel": ((-2, "hidden"), (-1, "out")),
    "bias": ((-1, "out"),),
}
_NORM: Slices = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ((-1, "out"),))

SLICES: Mapping[str, Slices] = {
    "Conv1D": _CONV,
    "Conv2D": _CONV,
    "Dense": _CONV,
    "Conv1DTranspose": _TRANSPOSED,
    "Conv2DTranspose": _TRANSPOSED,
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "BatchNormalization": _NORM,
    "LayerScale": _NORM,
}

# The configuration entry that counts the output channels of a layer that makes new ones.
OUTPUT_COUNT: Mapping[str, str] = {
    "Conv1D": "filters",
    "Conv2D": "filters",
    "Conv1DTranspose": "filters",
    "Conv2DTranspose": "filters",
    "SeparableConv1D": "filters",
    "SeparableConv2D": "filters",
    "Dense": "units",
}


def kernel_inputs(node: Node, line: npt.NDArray[_Any]) -> npt.NDArray[_Any]:
    """Of one entry per input channel those that the kernel's axis of inputs has: the first group's.

    All groups of a grouped convolution have the same ones, and share the axis.
    """
    return line[: len(line) // int(node.config.get("groups", 1))]


def filter_axis(kind: str) -> tuple[str, int]:
    """The weight that holds the filters of a layer that makes channels, and their axis in it."""
    for weight, slices in SLICES[kind].items():
        for axis, side in slices:
            if side == "out" and weight != "bias":
                return weight, axis
    raise KeyError(kind)


def activation_name(node: Node) -> str:
    """The activation of `node`, lower case ("linear" when it has none)."""
    activation = node.config.get("activation") or "linear"
    if isinstance(activation, str):
        return activation.lower()
    name = activation.get("class_name", "") if isinstance(activation, Mapping) else ""
    return str(name).lower() or "unknown"
