"""ADD and SUB on Armv6-M: (a * factor_a + b * factor_b + constant) >> shift, proved on all inputs.

Two int8 inputs have 65,536 pairs of values: the factors are tried on all of them when the code is
generated, and changed a little until the results are those of the two-fold rounding.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.broadcast import elementwise_lags
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier, requantize
from edgeprune.ops.m0.requantize import SATURATED
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.add.op import Params

Int64Array = npt.NDArray[np.int64]
EXTRA_BITS = 20
VALUES = np.arange(-128, 128)
CHANGES = sorted(product(range(-4, 5), repeat=2), key=lambda change: abs(change[0]) + abs(change[1]))


@dataclass(frozen=True)
class _Plane:
    """(a * factor_a + b * factor_b + constant) >> shift."""

    factor_a: int
    factor_b: int
    constant: int
    shift: int


def _scaled(zero_point: int, multiplier: int, shift: int) -> Int64Array:
    wide = (VALUES - zero_point) << EXTRA_BITS
    return multiply_by_quantized_multiplier(wide, multiplier, shift).astype(np.int64)


def _outputs(p: "Params") -> Int64Array:
    """(256, 256): what each pair of inputs becomes."""
    left = _scaled(p.zero_point_a, p.multiplier_a, p.shift_a)
    right = _scaled(p.zero_point_b, p.multiplier_b, p.shift_b)
    total = left[:, np.newaxis] + p.sign * right
    return requantize(total, p.multiplier, p.shift, p.zero_point, p.act_min, p.act_max).astype(np.int64)


@lru_cache(maxsize=256)
def _plane(p: "Params") -> _Plane | None:
    outputs = _outputs(p)
    per_unit = p.multiplier * 2.0 ** (p.shift + EXTRA_BITS - 31)
    a = p.multiplier_a * 2.0 ** (p.shift_a - 31) * per_unit
    b = p.sign * p.multiplier_b * 2.0 ** (p.shift_b - 31) * per_unit
    for shift in range(30, 8, -1):
        unit = 2.0**shift
        if 256 * (abs(a) + abs(b)) * unit + 256 * unit > 2.0**31:
            continue
        for change in CHANGES:
            plane = _through(p, outputs, round(a * unit) + change[0], round(b * unit) + change[1], shift)
            if plane is not None:
                return plane
        return None
    return None


def _through(p: "Params", outputs: Int64Array, factor_a: int, factor_b: int, shift: int) -> _Plane | None:
    """The plane with these factors, if some constant makes it right for all inputs."""
    sums = VALUES[:, np.newaxis] * factor_a + VALUES * factor_b
    # Below the clamp's lower end and above its upper one all is well.
    far = np.int64(1) << 40
    least = np.where(outputs > p.act_min, (outputs << shift) - sums, -far).max()
    most = np.where(outputs < p.act_max, ((outputs + 1) << shift) - 1 - sums, far).min()
    if least > most:
        return None
    constant = int(min(max((least + most) // 2, -(1 << 30)), 1 << 30))
    reach = int(np.abs(sums).max()) + abs(constant)
    if not least <= constant <= most or reach >= 1 << 31:
        return None
    return _Plane(factor_a, factor_b, constant, shift)


def _fits(p: "Params") -> bool:
    is_plain = p.shapes.a == p.shapes.b == p.shapes.out and 0 not in p.shapes.out
    return is_plain and _plane(p) is not None


def _kernel(p: "Params", node: Node) -> KernelCall:
    plane = _plane(p)
    assert plane is not None
    fields = (
        Field("int32_t", "count", int(np.prod(p.shapes.out, dtype=np.int64))),
        Field("int32_t", "factor_a", plane.factor_a),
        Field("int32_t", "factor_b", plane.factor_b),
        Field("int32_t", "constant", plane.constant),
        Field("int32_t", "shift", plane.shift),
        Field("int32_t", "act_min", p.act_min),
        Field("int32_t", "act_max", p.act_max),
    )
    return KernelCall("ep_add_s8_m0", fields, node.inputs, node.outputs, lags=elementwise_lags(p.shapes))


def _instructions(p: "Params") -> float:
    """From the listing of the core."""
    clamped = p.act_min > -128 or p.act_max < 127
    return 65 + (15 + SATURATED + 11 * clamped) * int(np.prod(p.shapes.out, dtype=np.int64))


ADD_M0 = Variant("m0", "armv6m", _fits, _kernel, _instructions)
