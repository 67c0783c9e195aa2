"""Filters as the streams of words that the cores of `ep_dot_dsp.c` read, and when they are right.

For each block of four filters a, b, c, d (zeros where filters end), a stream has
    256 * bias(b) + bias(a), bias(a), 256 * bias(d) + bias(c), bias(c)
    for each pair of inputs two words: the halfwords 256 * b + a of both weights, then 256 * d + c
    for each filter three words: multiplier, constant, shift
Biases have the input's zero point multiplied out, so inputs are used as they are.

With sum the accumulator, m the multiplier and n the shift right, TFLM's result is
    floor((t + 2^(n-1) - [t < 0]) / 2^n) + zero point,  t = floor(sum * 2m / 2^32 + 1/2)
which one floor can do as well, because nested floors of integers are one. Where results below the zero
point are clamped to it (most layers with ReLU), [t < 0] does not matter, and with d = STEP - n >= 1
    floor((sum * 2^(d+1) * m / 2^32 + 2^(d-1) + 2^(STEP-1)) / 2^STEP) + zero point
is the same: all shifts after the multiplication are STEP.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.ops.convolution import Int32Array, Requantization
from edgeprune.tflite.graph import Node

Int64Array = npt.NDArray[np.int64]

STEP = 12
"""EP_DOT_STEP in ep_dot_core_dsp.h."""
BLOCK = 4
LARGEST_B = 1 << 23
"""256 * sum must fit 32 bits."""


@dataclass(frozen=True, eq=False)
class Filters:
    """(channels, weights of each) and what their sums with int8 inputs can be; biases are folded.

    `zero_point` is what a sum of 0 gives, of each channel: the output's, but for constant channels.
    """

    weights: Int64Array
    bias: Int64Array
    zero_point: Int64Array
    requantization: Requantization
    low: Int64Array
    high: Int64Array
    is_constant: npt.NDArray[np.bool_]

    @property
    def largest(self) -> Int64Array:
        """Of each channel, the largest absolute value of its sums."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def rounding_constants(self) -> Int64Array:
        """Half a step and the zero point, in units of the result before its shift right."""
        n = -self.requantization.shift.astype(np.int64)
        half = np.where(n >= 1, np.int64(1) << np.maximum(n - 1, 0), 0)
        return half + self.zero_point * (np.int64(1) << np.maximum(n, 0))

    def rounds_within_32_bits(self) -> bool:
        """Whether halves can be rounded away from zero as the cores do; shifts are not left."""
        r = self.requantization
        most = (self.largest * 2 * r.multiplier.astype(np.int64) >> 32) + 1
        rounds = (r.shift <= -1) | clamps_below_zero_point(r)
        return bool(rounds.all() and (most + np.abs(self.rounding_constants()) < 1 << 31).all())


def fold(
    weights: npt.NDArray[np.integer],
    bias: Int32Array,
    in_zero_point: int,
    requantization: Requantization,
    idle_shift: int = STEP // 2,
) -> Filters:
    """`weights` (channels, weights of each), `bias` without the input's zero point.

    Channels that give the same output for all inputs become a weightless sum of 0 with multiplier 0
    and a shift right by `idle_shift`; pruned networks have many.
    """
    wide = weights.astype(np.int64)
    folded = bias.astype(np.int64) - in_zero_point * wide.sum(axis=1)
    low = folded + np.minimum(wide * -128, wide * 127).sum(axis=1)
    high = folded + np.maximum(wide * -128, wide * 127).sum(axis=1)
    fits = (low >= -(1 << 31)) & (high < 1 << 31)
    ends = requantization.apply(np.stack([low, high]))
    is_constant = (ends[0] == ends[1]) & (requantization.multiplier >= 0) & fits
    multiplier = requantization.multiplier.copy()
    shift = requantization.shift.copy()
    multiplier[is_constant], shift[is_constant] = 0, -idle_shift
    zero_point = np.where(is_constant, ends[0], requantization.zero_point).astype(np.int64)
    changed = replace(requantization, multiplier=multiplier, shift=shift)
    keep = ~is_constant
    return Filters(
        wide * keep[:, None], folded * keep, zero_point, changed, low * keep, high * keep, is_constant
    )


def clamps_below_zero_point(r: Requantization) -> bool:
    """Whether everything below the zero point comes out as one value."""
    return r.zero_point <= max(r.act_min, -128)


def sums_fit(f: Filters) -> bool:
    """What both kinds of streams need: sums of filters b and d in 24 bits, halfwords in 16."""
    return bool(
        (f.largest[1::2] < LARGEST_B).all()
        and (f.largest < 1 << 30).all()
        and _halfwords(f.weights, range(f.weights.shape[1])).min(initial=0) >= -(1 << 15)
        and (f.requantization.multiplier >= 0).all()
        and (f.requantization.shift <= 0).all()
    )


def fits_relu(f: Filters) -> bool:
    """Whether the stream for clamped results is right."""
    r = f.requantization
    extra = STEP + r.shift.astype(np.int64)
    return (
        sums_fit(f)
        and clamps_below_zero_point(r)
        and bool((extra >= 1).all())
        and bool((extra[1::2] <= 7).all())
        and bool((f.largest << np.minimum(extra + 1, 32) < 1 << 31).all())
    )


def fits_away(f: Filters) -> bool:
    """Whether the stream for all other results is right."""
    return sums_fit(f) and f.rounds_within_32_bits()


def window_order(rows: int, run: int, runs: int = 1) -> tuple[int, ...]:
    """The order in which a pixel's inputs are widened: `rows` times `runs` runs of `run` neighbours.

    First the words of all runs, each 0, 2, 1, 3 as SXTB16 takes them apart; then what is left of the
    runs, down the rows, which -1 makes an even number; at last -1 for an even number of pairs.
    """
    words = [at * run + i for at in range(rows * runs) for i in _words(run)]
    down = [[(row * runs + k) * run for row in range(rows)] for k in range(runs)]
    odd = [-1] * (rows % 2)
    rest = [
        at for i in range(run // 4 * 4, run) for k in range(runs) for at in (*(i + r for r in down[k]), *odd)
    ]
    return (*words, *rest, *[-1] * (-len(rest) % 4))


def row_order(depth: int) -> tuple[int, ...]:
    """The same for `depth` inputs in a row."""
    rest = range(depth // 4 * 4, depth)
    return (*_words(depth), *rest, *[-1] * (-len(rest) % 4))


def _words(run: int) -> list[int]:
    return [at + i for at in range(0, run // 4 * 4, 4) for i in (0, 2, 1, 3)]


@dataclass(frozen=True, eq=False)
class Matrix:
    """Filters of which some are not computed, because their outputs are constant.

    `places` are the others among all, None: all are computed.
    """

    filters: Filters
    channels: int
    places: npt.NDArray[np.int16] | None
    outputs: npt.NDArray[np.int8]

    @property
    def results_bytes(self) -> int:
        """What ep_matrix_two_dsp needs beside its inputs and outputs."""
        return 0 if self.places is None else 2 * BLOCK * (len(self.places) // BLOCK + 1)

    @property
    def fits(self) -> bool:
        """Whether either stream is right."""
        return fits_relu(self.filters) or fits_away(self.filters)

    def c_fields(self, order: Sequence[int]) -> tuple[Field, ...]:
        """An ep_matrix called `matrix`."""
        f, r = self.filters, self.filters.requantization
        places = None if self.places is None else Constant(self.places)
        outputs = None if self.places is None else Constant(self.outputs)
        return (
            Field("int32_t", "matrix.stream", Constant(pack(f, order))),
            Field("int32_t", "matrix.is_relu", int(fits_relu(f))),
            Field("int32_t", "matrix.pairs", len(order) // 2),
            Field("int32_t", "matrix.channels", self.channels),
            Field("int32_t", "matrix.computed", len(f.bias)),
            Field("int16_t", "matrix.places", places),
            Field("int8_t", "matrix.outputs", outputs),
            Field("int32_t", "matrix.act_min", r.act_min),
            Field("int32_t", "matrix.act_max", r.act_max),
        )

    def instructions(self, pairs: int, pixels: int) -> float:
        """What the cores execute for `pixels` pixels, and what brings their results to their places."""
        computed = len(self.filters.bias)
        blocks = -(-computed // BLOCK)
        two_end, one_end = (49, 31) if fits_relu(self.filters) else (65, 39)
        two = 13 + blocks * (12 * pairs + 3 * ((pairs - 1) // 16 + 1) + two_end)
        one = 11 + blocks * (7 * pairs + 2 * (pairs // 16 + 1) + one_end)
        spread = 0.0
        if self.places is not None:
            spread = 26 + 9.25 * computed + 5.7 * (self.channels // 4)
        elif computed % BLOCK:
            spread = 7 + 1.9 * (computed % BLOCK)
        return pixels // 2 * (two + 2 * spread) + pixels % 2 * (one + spread)


def read_matrix(f: Filters) -> Matrix:
    """Leave out channels that are constant, where there are enough to be worth it."""
    channels = len(f.bias)
    outputs = f.zero_point.astype(np.int8)
    keep = np.flatnonzero(~f.is_constant)
    if 4 * len(keep) > 3 * channels or len(keep) == 0:
        return Matrix(f, channels, None, outputs)
    r = f.requantization
    kept = Filters(
        f.weights[keep],
        f.bias[keep],
        f.zero_point[keep],
        replace(r, multiplier=r.multiplier[keep], shift=r.shift[keep]),
        f.low[keep],
        f.high[keep],
        f.is_constant[keep],
    )
    return Matrix(kept, channels, keep.astype(np.int16), outputs)


def pack(f: Filters, order: Sequence[int]) -> Int32Array:
    """The stream of all filters; `order` is the weight of each input in a pixel, -1 for none."""
    channels = len(f.bias)
    padded = -(-channels // BLOCK) * BLOCK
    a, b = (_padded(f.bias, padded)[i::2] for i in (0, 1))
    bias = np.stack([256 * b + a, a], axis=1).reshape(-1, BLOCK)
    halfwords = _halfwords(_padded(f.weights, padded), order)
    low, high = halfwords[:, 0::2] & 0xFFFF, halfwords[:, 1::2] << 16
    words = (low | high).reshape(padded // BLOCK, 2, -1).transpose(0, 2, 1).reshape(padded // BLOCK, -1)
    ends = np.stack([_padded(v, padded) for v in _requantization(f)], axis=1).reshape(padded // BLOCK, -1)
    stream = np.concatenate([bias, words, ends], axis=1).reshape(-1)
    return (stream & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def rows_call(m: Matrix, rows: int, depth: int, node: Node) -> KernelCall:
    """The call of the kernel that multiplies `rows` of `depth` inputs by the matrix."""
    order = row_order(depth)
    fields = (Field("int32_t", "rows", rows), Field("int32_t", "depth", depth), *m.c_fields(order))
    return KernelCall(
        "ep_rows_s8_dsp",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=2 * min(rows, 2) * len(order) + m.results_bytes,
        lags=((0, max(0, (rows - 1) // 2 * 2 * (m.channels - depth))),),
    )


def rows_instructions(m: Matrix, rows: int, depth: int) -> float:
    """What that kernel executes."""
    words, rest = divmod(depth, 4)
    two = 65 + widening_two(words) + 8.3 * rest + (14 if rest else 0)
    one = 49 + words // 2 * 9 + words % 2 * 5 + 9.4 * rest
    pairs = len(row_order(depth)) // 2
    clamps = clamping(m.filters.requantization, rows * m.channels)
    return 37 + m.instructions(pairs, rows) + rows // 2 * two + rows % 2 * one + clamps


def widening_two(words: int) -> int:
    """The loop of ep_widen_two_dsp for one run."""
    return words // 2 * 15 + words % 2 * 7


def clamping(r: Requantization, outputs: int) -> float:
    """What ep_clamp_dsp executes."""
    return 0.0 if r.act_min <= -128 and r.act_max >= 127 else 20 + 2.2 * outputs


def _requantization(f: Filters) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Multiplier, constant and shift of each channel, in the meaning of the stream that fits."""
    r = f.requantization
    multiplier = r.multiplier.astype(np.int64)
    n = -r.shift.astype(np.int64)
    if not fits_relu(f):
        return multiplier, f.rounding_constants(), n
    extra = STEP - n
    constant = (np.int64(1) << (extra - 1)) + (1 << STEP - 1) + f.zero_point * (1 << STEP)
    is_b = np.arange(len(n)) % 2 == 1
    return multiplier, constant, np.where(is_b, 7 - extra, 1 + extra)


def _halfwords(weights: Int64Array, order: Sequence[int]) -> Int64Array:
    """256 * b + a of each pair of filters, (pairs of filters, inputs)."""
    even = weights if len(weights) % 2 == 0 else _padded(weights, len(weights) + 1)
    at = np.array(order, np.int64)
    ordered = np.where(at >= 0, even[:, np.maximum(at, 0)], 0)
    return 256 * ordered[1::2] + ordered[0::2]


def _padded(values: Int64Array, count: int) -> Int64Array:
    return np.concatenate([values, np.zeros((count - len(values), *values.shape[1:]), np.int64)])
