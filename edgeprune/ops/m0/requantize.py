"""Requantisation on Armv6-M: short multiplications that give the same int8 outputs, proved offline.

An accumulator becomes an output by a rising staircase of at most 255 steps. The core has no long
multiplication, so instead of the 32 x 32 bit product that defines the staircase kernels compute

    (((x * c >> n) + x * b >> n) + x * a + top) >> shift        x = accumulator + offset

with n-bit pieces a, b, c of a multiplier: each product fits 32 bits. Rounded down, that is
floor((x * multiplier + top * 2^2n) / 2^(2n + shift)): a straight line. `fit` looks for a line that
passes through all steps of the staircase of each channel between the smallest and the largest
accumulator that its weights allow, and for an offset that makes the line's constant a multiple of
2^2n. Channels whose output never changes are told apart, so that kernels can skip their sums; their
output is the upper half of `top`.

Halves round away from zero, so a staircase on both sides of zero has its steps below zero one unit of
the first rounding lower than a line would. Kernels called `signed` subtract that unit (2^9 of `top`)
where x < 0; three instructions more an output, and only layers that need them have them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.ops.convolution import Requantization
from edgeprune.ops.fixedpoint import requantize

Int64Array = npt.NDArray[np.int64]

RECORD = np.dtype(
    [
        ("bias", "<i4"),
        ("top", "<i4"),
        ("a", "<u2"),
        ("b", "<u2"),
        ("c", "<u2"),
        ("shift", "u1"),
        ("runs", "u1"),
    ]
)
"""One channel: ep_m0_channel of ep_m0.h; kernels read it a word or a half at a time."""

MOST_BITS = 11
LEAST_BITS = 8
MOST_OFFSET = 1 << 10
"""Offsets are tried this far to both sides; each hits with the odds of the staircase's slack."""
SIGN_BITS = 9
"""A signed kernel subtracts 2^9 from `top` where x < 0."""


SATURATED = 1.5
"""What saturating costs an output on average: 4 instructions where it happens."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """`records` of RECORD, whose bias is that of the sums plus the offset; `is_constant` by channel."""

    bits: int
    is_signed: bool
    records: npt.NDArray[np.void]
    is_constant: npt.NDArray[np.bool_]

    @property
    def instructions(self) -> float:
        """Of EP_M0_REQUANTIZE."""
        return 17 + SATURATED + 3 * self.is_signed


@dataclass(frozen=True)
class _Line:
    multiplier: int
    offset: int
    top: int
    shift: int


_Points = list[tuple[int, int]]
"""Outputs and accumulators."""


@dataclass(frozen=True, eq=False)
class _Stairs:
    """One channel: accumulators `low` to `high` become `first` to `last`, `reached` is from _steps."""

    low: int
    high: int
    first: int
    last: int
    reached: Int64Array

    def points(self, act_min: int, act_max: int) -> tuple[_Points, _Points]:
        """Points (v, x) where the line must have reached v, and points where it must be below v."""
        steps = [(v, int(self.reached[v + 127])) for v in range(self.first + 1, self.last + 1)]
        least = [*steps] if self.first == act_min else [*steps, (self.first, self.low)]
        most = [(v, x - 1) for v, x in steps]
        return least, most if self.last == act_max else [*most, (self.last + 1, self.high)]


def fit(low: Int64Array, high: Int64Array, bias: Int64Array, how: Requantization) -> Fitted | None:
    """For accumulators `low` to `high`, both inclusive, of each channel; `bias` is added to sums.

    None where a channel has no such line; then the portable kernel must do.
    """
    if any(
        int(end) << max(0, int(s)) >= 1 << 31
        for end, s in zip(np.maximum(-low, high), how.shift, strict=True)
    ):
        return None
    return _fit(low, high, bias, how, False) or _fit(low, high, bias, how, True)


def _fit(
    low: Int64Array, high: Int64Array, bias: Int64Array, how: Requantization, is_signed: bool
) -> Fitted | None:
    first, last = (_outputs(x, how) for x in (low, high))
    live = np.flatnonzero(first != last)
    middle = np.zeros_like(low) if is_signed else (low + high) >> 1
    reach = int(np.maximum(middle - low, high - middle)[live].max(initial=0)) + MOST_OFFSET
    bits = min(MOST_BITS, 31 - reach.bit_length())
    if bits < LEAST_BITS:
        return None
    records = np.zeros(len(low), RECORD)
    records["top"] = (first << 16) + (1 << 15)  # constant channels: a, b, c are 0
    records["shift"] = 16
    reached = _steps(low, high, how)
    for c in live:
        base = int(middle[c])
        stairs = _Stairs(
            int(low[c]) - base, int(high[c]) - base, int(first[c]), int(last[c]), reached[c] - base
        )
        line = _line(stairs, bits, int(how.multiplier[c]), int(how.shift[c]), how, is_signed)
        if line is None:
            return None
        mask = (1 << bits) - 1
        pieces = (line.multiplier >> 2 * bits, line.multiplier >> bits & mask, line.multiplier & mask)
        wrapped = np.int64(int(bias[c]) - base + line.offset).astype(np.int32)
        records[c] = (wrapped, line.top, *pieces, line.shift, 0)
    return Fitted(bits, is_signed, records, first == last)


def _outputs(x: npt.ArrayLike, how: Requantization) -> Int64Array:
    """What accumulators `x`, channels last, become, clamped to the activation's range."""
    return requantize(x, how.multiplier, how.shift, how.zero_point, how.act_min, how.act_max).astype(np.int64)


def _steps(low: Int64Array, high: Int64Array, how: Requantization) -> Int64Array:
    """The smallest accumulator above `low` that gives v or more, v = -127 ... 127: (channels, 255)."""
    outputs = np.arange(-127, 128)[:, np.newaxis]
    below = np.repeat(low[np.newaxis], 255, axis=0)
    reached = np.repeat(high[np.newaxis], 255, axis=0)
    while (reached - below > 1).any():
        middle = (below + reached) >> 1
        is_reached = _outputs(middle, how) >= outputs
        reached = np.where(is_reached, middle, reached)
        below = np.where(is_reached, below, middle)
    return reached.T


def _line(
    stairs: _Stairs, bits: int, multiplier: int, shift: int, how: Requantization, is_signed: bool
) -> _Line | None:
    """A line through all steps, of about the slope multiplier / 2^(31 - shift)."""
    reach = max(-stairs.low, stairs.high) + MOST_OFFSET
    least_at, most_at = stairs.points(how.act_min, how.act_max)
    if is_signed and shift >= 0:  # rounds once only: no kernel for channels of both kinds
        return None
    for width in (2 * bits + SIGN_BITS,) if is_signed else range(min(31, 3 * bits), 2 * bits, -1):
        right = width - shift - 2 * bits  # a multiplier `width` bits wide is shifted so far
        rounded = (multiplier + (1 << 31 - width >> 1)) >> (31 - width)
        if not 0 <= right <= 31:
            continue
        below = 1 << 2 * bits + SIGN_BITS if is_signed else 0
        for change in (0, 1, -1, 2, -2, 3, -3, 4, -4):
            points = (least_at, most_at)
            line = _through(
                points, rounded + change, bits, right, below, 1 << -shift >> 1 if is_signed else MOST_OFFSET
            )
            if line is not None and _fits_32_bits(line, bits, reach):
                return line
    return None


def _through(
    points: tuple[_Points, _Points], multiplier: int, bits: int, shift: int, below: int, most_offset: int
) -> _Line | None:
    """floor((x * multiplier + constant) / 2^total): at least v at the first points, below v at the others.

    Where x < 0 the constant is less by `below`.
    """
    total = 2 * bits + shift
    if multiplier >> 3 * bits:
        return None
    least, most = (
        [(v << total) - x * multiplier + (below if x < 0 else 0) for v, x in some] for some in points
    )
    lowest, highest = max(least), min(most) - 1
    if lowest > highest:
        return None
    for offset in _offsets(lowest, highest, multiplier, 1 << 2 * bits, most_offset):
        top = -((offset * multiplier - lowest) >> 2 * bits)
        return _Line(multiplier, offset, top, shift)
    return None


def _offsets(lowest: int, highest: int, multiplier: int, unit: int, most: int) -> Iterator[int]:
    """Offsets from -most up to most, so that a multiple of `unit` + offset * multiplier is in the range."""
    tried = np.arange(min(most, MOST_OFFSET), dtype=np.int64)
    tried = np.stack([tried, -tried], axis=1).reshape(-1)
    beyond = (tried * multiplier - lowest % unit) % unit
    yield from (int(offset) for offset in tried[beyond <= highest - lowest])


def _fits_32_bits(line: _Line, bits: int, reach: int) -> bool:
    """Whether no step of the computation leaves 32 bits for accumulators up to `reach`."""
    a = line.multiplier >> 2 * bits
    highest = reach * (a + 1) + abs(line.top) + (1 << SIGN_BITS) + 2
    return reach << bits < 1 << 31 and highest < 1 << 31 and a < 1 << 16


def record_words(records: npt.NDArray[np.void]) -> npt.NDArray[np.int32]:
    """(channels, 4): the records as C reads them, little-endian."""
    return np.frombuffer(records.tobytes(), "<i4").astype(np.int32).reshape(-1, 4)


def accumulator_range(
    weights: Int64Array, bias: npt.NDArray[np.signedinteger[Any]], in_zero_point: int
) -> tuple[Int64Array, Int64Array]:
    """The least and the largest sum of each of `weights` (channels, weights) over all int8 inputs.

    Padding counts as the zero point, which is one of them.
    """
    most, least = 127 - in_zero_point, -128 - in_zero_point
    positive = np.where(weights > 0, weights, 0).sum(axis=1)
    negative = weights.sum(axis=1) - positive
    return (
        least * positive + most * negative + bias.astype(np.int64),
        most * positive + least * negative + bias.astype(np.int64),
    )
