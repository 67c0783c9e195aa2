"""The shared arithmetic against its definition in unbounded integers, and the C header against both."""

import math
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernels import compile_c, copy_kernels, sanitizing_zig

from edgeprune.errors import ModelError
from edgeprune.ops import fixedpoint as fp

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
EDGES = [-(1 << 31), -(1 << 31) + 1, -(1 << 30), -3, -2, -1, 0, 1, 2, 3, (1 << 30), (1 << 31) - 1]


def half_away(value: Fraction) -> int:
    """`value` rounded to the nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value))


def gemmlowp_high_mul(a: int, b: int) -> int:
    """gemmlowp's definition: a nudge by the product's sign, then division toward zero."""
    if a == b == -(1 << 31):
        return (1 << 31) - 1
    nudged = a * b + ((1 << 30) if a * b >= 0 else 1 - (1 << 30))
    return -(-nudged // (1 << 31)) if nudged < 0 else nudged // (1 << 31)


def wrapped(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def definition(x: int, multiplier: int, shift: int) -> int:
    """x * multiplier / 2^31 * 2^shift, rounded twice."""
    high = gemmlowp_high_mul(wrapped(x << max(shift, 0)), multiplier)
    return half_away(Fraction(high, 1 << max(-shift, 0)))


@given(INT32 | st.sampled_from(EDGES), INT32 | st.sampled_from(EDGES))
def test_high_mul_is_gemmlowps(a: int, b: int) -> None:
    assert int(fp.saturating_rounding_doubling_high_mul(a, b)) == gemmlowp_high_mul(a, b)


@given(INT32 | st.sampled_from(EDGES), st.integers(0, 31))
def test_division_rounds_halves_away_from_zero(x: int, exponent: int) -> None:
    assert int(fp.rounding_divide_by_pot(x, exponent)) == half_away(Fraction(x, 1 << exponent))


@given(INT32, st.integers(0, (1 << 31) - 1), st.integers(-31, 30))
def test_multiplication_rounds_twice(x: int, multiplier: int, shift: int) -> None:
    assert int(fp.multiply_by_quantized_multiplier(x, multiplier, shift)) == definition(x, multiplier, shift)


@given(st.floats(1e-9, 1e9))
def test_multiplier_is_the_nearest(real: float) -> None:
    multiplier, shift = fp.quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    # The nearest of 2^30 steps in each octave: half a step of 2^-31 relative to 2^shift, at most.
    error = abs(Fraction(multiplier, 1 << 31) * Fraction(2) ** shift - Fraction(real))
    assert error <= Fraction(2) ** (shift - 32)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),  # rounds up to the next power of two
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (-0.75, (-3 << 29, 0)),
        (2.0**40, (1 << 30, 41)),
    ],
)
def test_multipliers_at_the_edges(real: float, expected: tuple[int, int]) -> None:
    assert fp.quantize_multiplier(real) == expected


def test_activation_ranges() -> None:
    assert fp.activation_range("NONE", 0.1, 5) == (-128, 127)
    assert fp.activation_range("RELU", 0.1, 5) == (5, 127)
    assert fp.activation_range("RELU6", 0.1, -100) == (-100, -40)
    assert fp.activation_range("RELU_N1_TO_1", 0.4, 0) == (-3, 3)  # 2.5 in float32: away from zero
    assert fp.activation_range("RELU6", 0.1, 0, "int16") == (0, 60)
    with pytest.raises(ModelError, match="TANH"):
        fp.activation_range("TANH", 0.1, 0)
    with pytest.raises(ModelError, match="too small"):
        fp.activation_range("RELU6", 1e-10, 0)


@given(
    st.sampled_from(["SAME", "VALID"]),
    st.integers(1, 20),
    st.integers(1, 7),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_windows_cover_what_tensorflow_says(
    padding: fp.Padding, extent: int, window: int, stride: int, dilation: int
) -> None:
    """The documents' ceil(extent / stride) and ceil((extent - reach + 1) / stride), padding halved."""
    reach = (window - 1) * dilation + 1
    out = fp.window_output(padding, extent, window, stride, dilation)
    if padding == "SAME":
        assert out == math.ceil(extent / stride)
        before = fp.window_padding(out, extent, window, stride, dilation)
        after = max(0, (out - 1) * stride + reach - extent) - before
        assert after - before in (0, 1)
    else:
        assert max(out, 0) == max(0, math.ceil((extent - reach + 1) / stride))
        assert out < 1 or fp.window_padding(out, extent, window, stride, dilation) == 0


C_PROGRAM = """
#include <stdio.h>
#include "ep_math.h"

int main(void)
{
    int32_t v[3];
    while (fread(v, 4, 3, stdin) == 3) {
        const int32_t result[4] = {
            ep_multiply(v[0], v[1], v[2]),
            ep_high_mul(v[0], v[1]),
            ep_shift_right_round(v[0], v[2] < 0 ? -v[2] : v[2]),
            ep_requantize(v[0], v[1], v[2], v[1] % 128, -100, 90),
        };
        fwrite(result, 4, 4, stdout);
    }
    return 0;
}
"""


def test_the_c_header_is_the_same_arithmetic(tmp_path: Path) -> None:
    """All edges with all shifts, and random values; undefined behaviour would trap."""
    rng = np.random.default_rng(3)
    edges = [(x, m, s) for x in EDGES for m in EDGES for s in range(-31, 31)]
    drawn = np.stack(
        [rng.integers(-(1 << 31), 1 << 31, (2, 5000))[0], rng.integers(1 << 30, 1 << 31, 5000)], axis=1
    )
    shifts = rng.integers(-31, 31, (5000, 1))
    values = np.concatenate([np.array(edges), np.concatenate([drawn, shifts], axis=1)]).astype(np.int32)
    copy_kernels(set(), tmp_path)
    (tmp_path / "main.c").write_text(C_PROGRAM)
    program = tmp_path / "program"
    compile_c([*sanitizing_zig(), str(tmp_path / "main.c"), "-o", str(program)])
    done = subprocess.run([str(program)], input=values.tobytes(), capture_output=True, timeout=60, check=True)
    got = np.frombuffer(done.stdout, np.int32).reshape(-1, 4)
    x, multiplier, shift = values.T
    assert np.array_equal(got[:, 0], fp.multiply_by_quantized_multiplier(x, multiplier, shift))
    assert np.array_equal(got[:, 1], fp.saturating_rounding_doubling_high_mul(x, multiplier))
    assert np.array_equal(got[:, 2], fp.rounding_divide_by_pot(x, np.abs(shift)))
    zero_points = np.fmod(multiplier, 128)  # C's remainder
    for row in range(0, len(values), 37):
        wanted = fp.requantize(x[row], multiplier[row], shift[row], int(zero_points[row]), -100, 90)
        assert got[row, 3] == wanted
    assert struct.calcsize("<4i") * len(values) == len(done.stdout)
