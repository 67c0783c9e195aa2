"""ADD for 64-bit Arm: inputs of equal shape, of which the one with the larger scale is only shifted.

There are 65,536 pairs of inputs. All are tried when the network is compiled: mostly none meets a half where
rounding up and rounding away from zero differ, and then the kernel need not look at signs.
"""

from functools import cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.add.mve import HALF
from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.broadcast import elementwise_lags
from edgeprune.ops.fixedpoint import saturating_rounding_doubling_high_mul
from edgeprune.ops.neon.filters import ANY, RIGHT
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.add.op import Params

LANES = 16
EXTRA_BITS = 20


def fits(p: "Params") -> bool:
    """No broadcasting, no subtraction, an output scale that is not much smaller than the inputs'."""
    return p.sign == 1 and p.shapes.a == p.shapes.b and p.shift < 0


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    x_is_second, x, y = _sorted(p)
    values = {
        "count": prod(p.shapes.out),
        "x_is_second": int(x_is_second),
        "zero_point_x": x[0],
        "zero_point_y": y[0],
        "multiplier_y": y[1],
        "shift_y": y[2],
        "multiplier": p.multiplier,
        "shift": p.shift,
        "is_careful": int(is_careful(p)),
        "output.zero_point": p.zero_point,
        "output.act_min": p.act_min,
        "output.act_max": p.act_max,
        "output.rounding": _rounding(p),
    }
    fields = tuple(Field("int32_t", name, value) for name, value in values.items())
    return KernelCall("ep_add_s8_neon", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


def _sorted(p: "Params") -> tuple[bool, tuple[int, int, int], tuple[int, int, int]]:
    """Whether x is the second input; zero point, multiplier and shift of x and of y."""
    a = (p.zero_point_a, p.multiplier_a, p.shift_a)
    b = (p.zero_point_b, p.multiplier_b, p.shift_b)
    x_is_second = a[1:] != HALF
    x, y = (b, a) if x_is_second else (a, b)
    # A multiplier of 0 comes with a shift of 0.
    return x_is_second, x, y if y[1] else (y[0], 0, -1)


@cache
def sums(p: "Params", away: bool) -> npt.NDArray[np.int64]:
    """The sums of all pairs of inputs with the zero point, rounded `away` from zero or up."""
    _, x, y = _sorted(p)
    inputs = np.arange(-128, 128)
    left = (inputs - x[0]) << (EXTRA_BITS - 1)
    right = _scaled((inputs - y[0]) << EXTRA_BITS, y[1], y[2], away)
    total = left[:, np.newaxis] + right[np.newaxis]
    return _scaled(total, p.multiplier, p.shift, away) + p.zero_point


def is_careful(p: "Params") -> bool:
    """Whether rounding halves up would give another result for some pair of inputs."""
    up, away = (np.clip(sums(p, away), p.act_min, p.act_max) for away in (False, True))
    return not np.array_equal(up, away)


def _rounding(p: "Params") -> int:
    """How results are made short, see ep_requantize_neon.h: EP_RIGHT or EP_ANY."""
    is_short = bool((np.abs(sums(p, True)) < 1 << 15).all())
    return RIGHT if is_short and (p.act_min, p.act_max) == (-128, 127) else ANY


def _scaled(values: npt.NDArray[np.int64], multiplier: int, shift: int, away: bool) -> npt.NDArray[np.int64]:
    """The kernel's two roundings; `away` from zero, else halves up."""
    high = saturating_rounding_doubling_high_mul(values, multiplier).astype(np.int64)
    if shift == 0:
        return high
    half = 1 << (-shift - 1)
    rounded: npt.NDArray[np.int64] = (high + half - (away & (high < 0))) >> -shift
    return rounded


def instructions(p: "Params") -> float:
    """By the number of elements alone."""
    whole, rest = divmod(prod(p.shapes.out), LANES)
    each = 45.0 + 5 * (_rounding(p) == ANY) + 8 * is_careful(p)
    if _sorted(p)[2][1:] == HALF:
        each = 44
    return 80 + whole * each + (60 + 15 * rest if rest else 0)


ADD_NEON = Variant("neon", "neon", fits, kernel, instructions)
