"""ADD for Helium (MVE): inputs of equal shape, of which the one with the larger scale is only shifted."""

from math import prod
from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.broadcast import elementwise_lags
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.add.op import Params

HALF = (1 << 30, 0)


def fits(p: "Params") -> bool:
    """No broadcasting, no subtraction, an output scale that is not much smaller than the inputs'."""
    return p.sign == 1 and p.shapes.a == p.shapes.b and p.shift < 0


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel."""
    a = (p.zero_point_a, p.multiplier_a, p.shift_a)
    b = (p.zero_point_b, p.multiplier_b, p.shift_b)
    x_is_second = a[1:] != HALF
    x, y = (b, a) if x_is_second else (a, b)
    values = {
        "count": prod(p.shapes.out),
        "x_is_second": int(x_is_second),
        "zero_point_x": x[0],
        "zero_point_y": y[0],
        "multiplier_y": y[1],
        "shift_y": y[2] if y[1] else -1,  # a multiplier of 0 comes with a shift of 0
        "zero_point": p.zero_point,
        "multiplier": p.multiplier,
        "shift": p.shift,
        "act_min": p.act_min,
        "act_max": p.act_max,
    }
    fields = tuple(Field("int32_t", name, value) for name, value in values.items())
    return KernelCall("ep_add_s8_mve", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


def instructions(p: "Params") -> float:
    """By the number of elements alone."""
    return 110 + 36 / 8 * prod(p.shapes.out)


ADD_MVE = Variant("mve", "mve", fits, kernel, instructions)
