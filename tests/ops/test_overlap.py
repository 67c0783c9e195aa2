"""Lags against a plain simulation of every byte that is read and written."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.ops.overlap import elementwise_lag, window_lag
from edgeprune.ops.window import Window


def is_safe(window, in_bytes, out_bytes, together, copied, lag):
    """Whether no read meets a byte that was written before, the input `lag` bytes above the output."""
    written: set[int] = set()
    pixels = [(y, x) for y in range(window.out_h) for x in range(window.out_w)]
    for first in range(0, len(pixels), together):
        group = pixels[first : first + together]
        reads = {
            lag + ((y * window.stride_h - window.pad_top + r) * window.in_w
                   + x * window.stride_w - window.pad_left + c) * in_bytes + b
            for y, x in group
            for r in range(window.window_h)
            for c in range(window.window_w)
            for b in range(in_bytes)
            if 0 <= y * window.stride_h - window.pad_top + r < window.in_h
            and 0 <= x * window.stride_w - window.pad_left + c < window.in_w
        }  # fmt: skip
        writes = set(range(first * out_bytes, (first + len(group)) * out_bytes))
        if copied:
            if reads & written:
                return False
        elif reads & (written | writes):
            return False
        written |= writes
    return True


@st.composite
def windows(draw):
    small = st.integers(1, 3)
    window_h, window_w, stride_h, stride_w = draw(small), draw(small), draw(small), draw(small)
    out_h, out_w = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    pad_top, pad_left = draw(st.integers(0, window_h - 1)), draw(st.integers(0, window_w - 1))
    in_h = max(1, (out_h - 1) * stride_h + 1 - pad_top + draw(st.integers(0, window_h - 1)))
    in_w = max(1, (out_w - 1) * stride_w + 1 - pad_left + draw(st.integers(0, window_w - 1)))
    return Window(in_h, in_w, out_h, out_w, window_h, window_w, stride_h, stride_w, 1, 1, pad_top, pad_left)


@settings(max_examples=150, deadline=None)
@given(windows(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_a_window_lag_is_safe(window, in_bytes, out_bytes, together, copied):
    lag = window_lag(window, in_bytes, out_bytes, together=together, copied=copied)
    assert is_safe(window, in_bytes, out_bytes, together, copied, lag)


def test_a_same_convolution_lags_a_row_and_a_pixel():
    window = Window(8, 8, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1)
    lag = window_lag(window, 16, 16, copied=True)
    assert lag == (8 + 1) * 16
    assert not is_safe(window, 16, 16, 1, True, lag - 1)


def test_elements_that_grow_lag():
    assert elementwise_lag(10) == elementwise_lag(10, 4, 1) == 0
    assert elementwise_lag(10, 1, 4) == 27


def test_a_pointwise_convolution_that_halves_its_channels_runs_in_place():
    window = Window(4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 0, 0)
    assert window_lag(window, 8, 4, copied=True) == 0
    assert window_lag(window, 4, 8, copied=True) == 15 * 4
    assert np.all([window_lag(window, 8, 8, copied=False) == 8])
