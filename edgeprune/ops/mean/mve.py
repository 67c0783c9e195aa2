"""MEAN for Helium (MVE): over all dimensions but the last, eight channels at a time."""

from math import prod
from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.mean.op import Params

LANES = 8


def fits(p: "Params") -> bool:
    """The last dimension is kept, all others are in the mean or have one element."""
    last = len(p.shape) - 1
    return last not in p.axes and all(p.shape[d] == 1 for d in range(last) if d not in p.axes)


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    pixels = prod(p.shape[:-1])
    values = {
        "pixels": pixels,
        "channels": p.shape[-1],
        "offset": p.in_zero_point * pixels,
        "zero_point": p.out_zero_point,
        "multiplier": p.multiplier,
        "shift": p.shift,
    }
    fields = tuple(Field("int32_t", name, value) for name, value in values.items())
    return KernelCall("ep_mean_s8_mve", fields, node.inputs[:1], node.outputs, lags=((0, 0),))


def instructions(p: "Params") -> float:
    """By the shape alone."""
    pixels = prod(p.shape[:-1])
    return 60 + -(-p.shape[-1] // LANES) * (50 + 5 * pixels + 10 * (pixels // 255))


MEAN_MVE = Variant("mve", "mve", fits, kernel, instructions)
