"""Float functions, bit for bit as glibc computes them, which is what TFLM's wheel calls.

`ep_float_math.c` is this file in C, and its header says what each function guarantees. All take and
return float32 arrays. expf and logf compute in double, expm1f and tanhf in single precision; every
operation rounds. From version 2.41 on glibc's functions are others: the nearest
float, which these miss for one argument in some thousands, by one unit in the last place.

Source: Arm Optimized Routines, math/expf.c and logf.c, in glibc since 2.28; Sun's fdlibm
"""

from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

INVALID = np.array(0xFFC00000, np.uint32).view(np.float32)[()]
"""What an x86 makes of an invalid operation: a quiet NaN with its sign set."""

_EXP_LIMITS = (-104.0, float.fromhex("0x1.62e42ep+6"))


def _powers() -> Doubles:
    """2^(i/32) for i = 0 to 31."""
    with localcontext(prec=40):
        return np.array([float(Decimal(2) ** (Decimal(i) / 32)) for i in range(32)])


_POWERS = _powers()

_EXP_POLYNOMIAL = [
    float.fromhex(text) for text in ("0x1.c6af84b912394p-20", "0x1.ebfce50fac4f3p-13", "0x1.62e42ff0c52d6p-6")
]
_EXP_FACTOR = float.fromhex("0x1.71547652b82fep+5")  # 32 / log(2)

# 1/c and log(c) for a c near the middle of each sixteenth of [0.7, 1.4).
_CENTRES = np.array(
    [
        [float.fromhex(text) for text in line.split()]
        for line in """
            0x1.661ec79f8f3bep+0 -0x1.57bf7808caadep-2
            0x1.571ed4aaf883dp+0 -0x1.2bef0a7c06ddbp-2
            0x1.49539f0f010bp+0 -0x1.01eae7f513a67p-2
            0x1.3c995b0b80385p+0 -0x1.b31d8a68224e9p-3
            0x1.30d190c8864a5p+0 -0x1.6574f0ac07758p-3
            0x1.25e227b0b8eap+0 -0x1.1aa2bc79c81p-3
            0x1.1bb4a4a1a343fp+0 -0x1.a4e76ce8c0e5ep-4
            0x1.12358f08ae5bap+0 -0x1.1973c5a611cccp-4
            0x1.0953f419900a7p+0 -0x1.252f438e10c1ep-5
            0x1p+0 0x0p+0
            0x1.e608cfd9a47acp-1 0x1.aa5aa5df25984p-5
            0x1.ca4b31f026aap-1 0x1.c5e53aa362eb4p-4
            0x1.b2036576afce6p-1 0x1.526e57720db08p-3
            0x1.9c2d163a1aa2dp-1 0x1.bc2860d22477p-3
            0x1.886e6037841edp-1 0x1.1058bc8a07ee1p-2
            0x1.767dcf5534862p-1 0x1.4043057b6ee09p-2
        """.strip().splitlines()
    ]
)
_LOG_POLYNOMIAL = [
    float.fromhex(text) for text in ("-0x1.00ea348b88334p-2", "0x1.5575b0be00b6ap-2", "-0x1.ffffef20a4123p-2")
]
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")

_LN2_HIGH = np.float32(float.fromhex("0x1.62e300p-1"))
_LN2_LOW = np.float32(float.fromhex("0x1.2fefa2p-17"))
_EXPM1_POLYNOMIAL = [
    np.float32(float.fromhex(text))
    for text in (
        "-0x1.afdb76p-23",
        "0x1.0cfca8p-18",
        "-0x1.4ce19ap-14",
        "0x1.a01a02p-10",
        "-0x1.111112p-5",
        "0x1p+0",
    )
]


def expf(x: Floats) -> Floats:
    """e^x: glibc's on every float but, where that is fused, two."""
    low, high = _EXP_LIMITS
    z = _EXP_FACTOR * np.clip(np.where(np.isnan(x), 0, x), low, 89.0).astype(np.float64)
    nearest = np.rint(z)
    r = z - nearest
    k = nearest.astype(np.int64)
    power = np.ldexp(_POWERS[k & 31], k >> 5)
    cubic, square, linear = _EXP_POLYNOMIAL
    product = ((cubic * r + square) * (r * r) + (linear * r + 1.0)) * power
    with np.errstate(over="ignore", under="ignore"):
        rounded = product.astype(np.float32)
    special = np.where(x > high, np.float32(np.inf), np.where(x < low, np.float32(0.0), rounded))
    return np.where(np.isnan(x), _quiet(x), special).astype(np.float32)


def logf(x: Floats) -> Floats:
    """The natural logarithm: glibc's on every float."""
    positive = (x > 0) & np.isfinite(x)
    safe: Floats = np.where(positive, x, np.float32(1.0)).astype(np.float32)
    is_small = safe < np.float32(2.0**-126)
    bits = np.where(is_small, np.minimum(safe, 1) * np.float32(2.0**23), safe).view(np.int32)
    above = bits - np.int32(0x3F330000)
    centre = _CENTRES[(above >> 19) & 15]
    k = (above >> 23) - np.where(is_small, 23, 0)
    mantissa = (bits - (above & np.int32(-(1 << 23)))).view(np.float32).astype(np.float64)
    r = mantissa * centre[..., 0] - 1.0
    base = centre[..., 1] + k * _LN2
    r2 = r * r
    cubic, square, linear = _LOG_POLYNOMIAL
    y = cubic * r2 + (square * r + linear)
    rounded = (y * r2 + (base + r)).astype(np.float32)
    special = np.where(x == 0, np.float32(-np.inf), np.where(x < 0, INVALID, _quiet(x)))
    return np.where(positive, rounded, special).astype(np.float32)


def sqrtf(x: Floats) -> Floats:
    """The nearest float to the square root."""
    with np.errstate(invalid="ignore"):
        return np.where(x < 0, INVALID, np.sqrt(x)).astype(np.float32)


def expm1f(x: Floats) -> Floats:
    """e^x - 1: glibc's on every float."""
    overflow = float.fromhex("0x1.62e42ep+6")
    size = np.abs(x)
    lowest = float.fromhex("-0x1.2b7088p+4")  # -27 log(2), where the result is -1
    inside = (size >= 2.0**-25) & (x > lowest) & (x <= overflow)
    near = inside & (size <= float.fromhex("0x1.62e430p-2"))
    safe: Floats = np.where(inside, x, np.float32(1.0)).astype(np.float32)
    units = np.float32(float.fromhex("0x1.715476p+0")) * safe
    k = np.trunc(units + np.copysign(np.float32(0.5), safe)).astype(np.int32)
    k = np.where(np.abs(safe) < float.fromhex("0x1.0a2b24p+0"), np.sign(safe).astype(np.int32), k)
    k = np.where(near, 0, k)
    high = safe - k.astype(np.float32) * _LN2_HIGH
    low = k.astype(np.float32) * _LN2_LOW
    rest = high - low
    c = (high - rest) - low
    result = _expm1_assembled(rest, _expm1_near_zero(rest, c), k)
    special = np.where(x > overflow, np.float32(np.inf), np.where(x <= lowest, np.float32(-1.0), _quiet(x)))
    return np.where(inside, result, special).astype(np.float32)


def _expm1_near_zero(x: Floats, c: Floats) -> Floats:
    """x + c - (exp(x + c) - 1) for x + c within log(2) / 2 of zero."""
    half = np.float32(0.5) * x
    s = x * half
    r = np.zeros_like(x)
    for coefficient in _EXPM1_POLYNOMIAL:
        r = coefficient + s * r
    t = np.float32(3.0) - r * half
    e = s * ((r - t) / (np.float32(6.0) - x * t))
    return ((x * (e - c) - c) - s).astype(np.float32)


def _expm1_assembled(x: Floats, e: Floats, k: npt.NDArray[np.int32]) -> Floats:
    """2^k (1 + x - e) - 1, for each size of k in the order that rounds least away."""
    one, half = np.float32(1.0), np.float32(0.5)
    tiny = np.ldexp(one, -np.clip(k, 0, 100))
    with np.errstate(over="ignore"):
        one_up = np.where(x < -0.25, np.float32(-2.0) * (e - (x + half)), one + np.float32(2.0) * (x - e))
        far = np.ldexp(one - (e - x), k) - one
        middle = np.ldexp((one - tiny) - (e - x), k)
        large = np.ldexp((x - (e + tiny)) + one, k)
    conditions = [k == 0, k == -1, k == 1, (k < 0) | (k > 56), k < 23]
    choices = [x - e, half * (x - e) - half, one_up, far, middle]
    assembled: Floats = np.select(conditions, choices, large).astype(np.float32)
    return assembled


def tanhf(x: Floats) -> Floats:
    """The hyperbolic tangent: glibc's on every float."""
    size: Floats = np.minimum(np.abs(np.where(np.isnan(x), 0, x)), 22).astype(np.float32)
    two = np.float32(2.0)
    above = np.float32(1.0) - two / (expm1f(two * size) + two)
    below = expm1f(-two * size)
    below = -below / (below + two)
    result = np.where(size >= 22.0, np.float32(1.0), np.where(size >= 1.0, above, below))
    result = np.where(size < 2.0**-55, size, result).astype(np.float32)
    return np.where(np.isnan(x), _quiet(x), np.copysign(result, x)).astype(np.float32)


def _quiet(x: Floats) -> Floats:
    """`x` with its signalling NaNs made quiet."""
    with np.errstate(invalid="ignore"):
        return (x + np.float32(-0.0)).astype(np.float32)
