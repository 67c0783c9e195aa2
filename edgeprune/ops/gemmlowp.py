"""exp, log, 1/(1+x), 1/sqrt(x), logistic and tanh in 32-bit fixed point, bit for bit as gemmlowp does it.

A value in "Qm" has m integer bits: it is an int32 in units of 2^(m-31). All functions take and
return Python integers: they run when a table is made, or once for a row, never for each element.
Source: google/gemmlowp, fixedpoint/fixedpoint.h, the int32 instances that TFLite uses; TFLite's
        kernels/internal/common.h for log and 1/sqrt(x)
"""

from edgeprune.ops.fixedpoint import rounding_divide_by_pot, saturating_rounding_doubling_high_mul

ONE = (1 << 31) - 1
"""1.0 in Q0, which ends just below it."""

_EXP_OF_MINUS_ONE_EIGHTH = 1895147668
_ONE_THIRD = 715827883
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540

# exp(-2^k) in Q0 for k = -2, -1, ..., 4.
_EXP_OF_MINUS_POWERS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}


def multiply(a: int, b: int) -> int:
    """The product of fixed-point numbers; the integer bits of the factors add up."""
    return int(saturating_rounding_doubling_high_mul(a, b))


def shift_right(x: int, bits: int) -> int:
    """x / 2^bits, rounded to nearest, halves away from zero."""
    return int(rounding_divide_by_pot(x, bits))


def shift_left(x: int, bits: int) -> int:
    """x * 2^bits, saturating."""
    return max(-(1 << 31), min(ONE, x << bits))


def _exp_near_zero(a: int) -> int:
    """exp of a Q0 number in [-1/4, 0): a Taylor series around -1/8."""
    x = a + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    tail = shift_right(multiply(shift_right(x4, 2) + x3, _ONE_THIRD) + x2, 1)
    return _EXP_OF_MINUS_ONE_EIGHTH + multiply(_EXP_OF_MINUS_ONE_EIGHTH, x + tail)


def exp_on_negative_values(a: int, integer_bits: int) -> int:
    """exp of a number <= 0 with `integer_bits`, 1 to 5; the result is in Q0."""
    if a == 0:
        return ONE
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(shift_left(rest, integer_bits))
    for power, factor in _EXP_OF_MINUS_POWERS.items():
        if power < integer_bits and (rest - a) & (1 << (fractional_bits + power)):
            result = multiply(result, factor)
    return result


def _two_over_one_plus(a: int) -> int:
    """2 / (1 + a) of a Q0 number in [0, 1), in Q2: Newton-Raphson division, three steps."""
    half_denominator = (a + ONE + 1) >> 1
    x = _48_OVER_17 + multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, x)
        x += shift_left(multiply(x, error), 2)
    return x


def one_over_one_plus(a: int) -> int:
    """1 / (1 + a) of a Q0 number in [0, 1), in Q0."""
    return shift_left(_two_over_one_plus(a), 1)


def logistic(a: int, integer_bits: int) -> int:
    """1 / (1 + exp(-a)) of a number with `integer_bits`, in Q0."""
    if a == 0:
        return 1 << 30
    positive = one_over_one_plus(exp_on_negative_values(-abs(a), integer_bits))
    return positive if a > 0 else ONE - positive


def tanh(a: int, integer_bits: int) -> int:
    """tanh of a number with `integer_bits`, in Q0: (1 - e) / (1 + e) with e = exp(-2 |a|)."""
    if a == 0:
        return 0
    exp = exp_on_negative_values(-abs(a), integer_bits + 1)
    magnitude = shift_left(_two_over_one_plus(exp) - (1 << 29), 2)
    return magnitude if a > 0 else -magnitude


_LOG_2 = 1488522236
_SQRT_HALF = 1518500250
_FOURTH_ROOT_HALF = 1805811301
_LOG_NUMERATOR = 117049297  # 11/240 of the fourth root of 2
_LOG_DENOMINATOR = (1057819769, 638450708, 127690142)


def log_of_one_or_more(x: int, integer_bits: int, result_bits: int) -> int:
    """The logarithm of a number of 1 or more with `integer_bits`, with `result_bits`.

    The number is 2^k m, k half an integer and a fourth, m within a fourth root of 2 of the fourth root
    of a half; of the two that are, TFLite takes the one with the smaller m. log(m) is a rational function.
    """
    bits = result_bits + 1
    quarter = shift_right(1 << 29, bits)
    zeros = 32 - x.bit_length()
    m_above = shift_left(multiply(shift_left(x, zeros - 1), _SQRT_HALF), 1)
    k_above = min(ONE, shift_left(integer_bits - zeros, 31 - bits) + quarter)
    zeros = 31 - multiply(x, _SQRT_HALF).bit_length()
    m_below = shift_left(x, zeros)
    k_below = max(-(1 << 31), shift_left(integer_bits - zeros, 31 - bits) - quarter)
    m, k = min(m_above, m_below), max(k_above, k_below)
    total = m + _FOURTH_ROOT_HALF
    p = (total + 1) // 2
    q = 2 * (m - _FOURTH_ROOT_HALF)
    square = multiply(q, q)
    numerator = multiply(q, m) + multiply(multiply(q, square), _LOG_NUMERATOR)
    base, outer, inner = _LOG_DENOMINATOR
    denominator = multiply(p, base + q + multiply(inner, square)) + multiply(outer, q)
    quotient = multiply(shift_right(numerator, bits), one_over_one_plus(denominator))
    return shift_left(multiply(k, _LOG_2) + quotient, 1)


def inverse_sqrt(x: int) -> tuple[int, int]:
    """1 / sqrt(x) of an integer of 0 or more as a multiplier and a shift left; 0 counts as 1.

    Five of Newton's steps from 1, in Q3.
    """
    if x <= 1:
        return ONE, 0
    right = 11
    while x >= 1 << 29:
        x //= 4
        right += 1
    pairs = (31 - x.bit_length()) // 2 - 1
    right -= pairs
    scaled = (x << (2 * pairs)) >> 1
    half = shift_right(scaled, 1)
    y = 1 << 28
    for _ in range(5):
        cube = shift_left(multiply(multiply(y, y), y), 6)
        y = shift_left(multiply((1 << 28) + (1 << 27), y) - multiply(half, cube), 3)
    result = multiply(y, _SQRT_HALF)
    if right < 0:
        return result << -right, 0
    return result, -right
