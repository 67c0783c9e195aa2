"""MEAN for 64-bit Arm: over all dimensions but the last, 16 channels at a time."""

from math import prod
from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.mean.mve import fits as is_over_pixels
from edgeprune.ops.neon.filters import ANY
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.mean.op import Params

LANES = 16
MOST_SUM = 1 << 31


def fits(p: "Params") -> bool:
    """The last dimension is kept, all others are in the mean; sums that cannot wrap."""
    largest = 255 * prod(p.shape[:-1])
    is_free = largest << max(0, p.shift) < MOST_SUM - 256
    return is_over_pixels(p) and p.shape[-1] >= LANES and is_free


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    pixels = prod(p.shape[:-1])
    values = {
        "pixels": pixels,
        "channels": p.shape[-1],
        "offset": p.in_zero_point * pixels,
        "multiplier": p.multiplier,
        "shift": p.shift if p.multiplier else -1,
        "output.zero_point": p.out_zero_point,
        "output.act_min": -128,
        "output.act_max": 127,
        "output.rounding": ANY,
    }
    fields = tuple(Field("int32_t", name, value) for name, value in values.items())
    return KernelCall("ep_mean_s8_neon", fields, node.inputs[:1], node.outputs, lags=((0, 0),))


def instructions(p: "Params") -> float:
    """By the shape alone."""
    pixels = prod(p.shape[:-1])
    return 60 + -(-p.shape[-1] // LANES) * (70 + 5.0 * pixels + 12 * (pixels // 256))


MEAN_NEON = Variant("neon", "neon", fits, kernel, instructions)
