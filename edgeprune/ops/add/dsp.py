"""ADD for cores with the DSP extension: both inputs have the output's shape."""

from math import prod
from typing import TYPE_CHECKING

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.add.op import Params

MOST_SHIFT = 20
HALF = (1 << 30, 0)
"""Multiplier and shift of the input with the larger scale."""


def fits(p: "Params") -> bool:
    """One shape; shifts with which the constants fit 32 bits."""
    shifts = (-p.shift_a, -p.shift_b)
    return (
        p.sign == 1
        and p.shapes.a == p.shapes.b == p.shapes.out
        and HALF in ((p.multiplier_a, p.shift_a), (p.multiplier_b, p.shift_b))
        and all(0 <= shift <= MOST_SHIFT for shift in shifts)
        and 1 <= -p.shift <= MOST_SHIFT
    )


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel, the input with the larger scale first."""
    is_swapped = (p.multiplier_a, p.shift_a) != HALF
    first, second = (p.zero_point_a, (p.zero_point_b, p.multiplier_b, p.shift_b))
    inputs = node.inputs
    if is_swapped:
        first, second = (p.zero_point_b, (p.zero_point_a, p.multiplier_a, p.shift_a))
        inputs = inputs[::-1]
    zero_point_b, multiplier_b, shift_b = second
    values = {
        "count": prod(p.shapes.out),
        "zero_points_a": _both_halves(first),
        "zero_points_b": _both_halves(zero_point_b),
        "multiplier_b": multiplier_b,
        "round_b": 2 + (2 << -shift_b if shift_b < 0 else 0),
        "toward_zero_b": 4 if shift_b < 0 else 0,
        "shift_b": 2 - shift_b,
        "multiplier": p.multiplier,
        "constant": (1 << -p.shift - 1) + p.zero_point * (1 << -p.shift),
        "shift": -p.shift,
        "act_min": p.act_min,
        "act_max": p.act_max,
    }
    fields = tuple(Field("int32_t", name, value) for name, value in values.items())
    return KernelCall("ep_add_s8_dsp", fields, inputs, node.outputs, lags=((0, 0), (1, 0)))


def _both_halves(zero_point: int) -> int:
    """256 * zero_point twice, as a signed word."""
    half = 256 * zero_point & 0xFFFF
    word = half << 16 | half
    return word - (1 << 32) if word >> 31 else word


def instructions(p: "Params") -> float:
    """By the number of elements."""
    count = prod(p.shapes.out)
    rest = 77 + 9 * (count % 4) if count % 4 else 0
    is_clamped = p.act_min > -128 or p.act_max < 127
    return 60 + count // 4 * 61 + rest + (20 + 2.2 * count if is_clamped else 0)


ADD_DSP = Variant("dsp", "dsp", fits, kernel, instructions)
