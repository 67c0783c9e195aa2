"""CONV_2D by exact integer Winograd F(2x2, 3x3) for cores with the DSP extension: 4 products instead of 9.

Cost:    per input channel 16 multiplications for 4 outputs of a filter; 32 bytes of flash per filter and
         input channel instead of 9
Source:  Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, arXiv:1509.09308,
         section 4.1
Differs: integers throughout. G of the paper is doubled, so that transformed filters are integers, of at
         most 9 * 128; transformed inputs are at most 4 * 128. Both fit 16 bits. What comes out is 4 times
         the sum of the convolution: it alone must fit 32 bits, whatever wraps on the way, and the
         requantization of ops/dsp/pack.py shifts two bits less.

For each block of four filters (zeros where filters end), a stream has
    for each frequency, quad of input channels and pair (0, 2), (1, 3) of these: a word for each filter
    for each filter four words: 4 * bias (with the input's zero point), multiplier, constant, shift
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.convolution import Int32Array
from edgeprune.ops.dsp.pack import BLOCK, STEP, Filters, clamps_below_zero_point, fold
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

Int64Array = npt.NDArray[np.int64]

FILTER_TRANSFORM = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int64)
"""Twice the G of the paper."""
GAIN = 4
"""By which sums come out too large: 2 for each dimension."""
TILE_ROWS, TILE_COLUMNS = 2, 4
"""Outputs that are made together, two tiles side by side."""
PATCH_ROWS, PATCH_COLUMNS = TILE_ROWS + 2, TILE_COLUMNS + 2
"""Inputs that they see."""
FREQUENCIES = 16


@cache
def filters(p: "Params") -> Filters:
    """The filters of `p`, the input's zero point multiplied out."""
    return fold(p.filters.reshape(p.out_channels, -1), p.bias, p.in_zero_point, p.requantization)


def fits(p: "Params") -> bool:
    """3 x 3 filters, each input once, in one group of whole words, with sums that have two bits to spare."""
    w = p.window
    steps = (w.stride_h, w.stride_w, w.dilation_h, w.dilation_w)
    is_plain = (w.window_h, w.window_w) == (3, 3) and steps == (1, 1, 1, 1)
    if not is_plain or p.groups != 1 or p.in_channels % 4:
        return False
    return fits_relu(filters(p)) or fits_away(filters(p))


def sums_fit(f: Filters) -> bool:
    """Whether the outputs of the transformation fit 32 bits."""
    r = f.requantization
    return bool((f.largest * GAIN < 1 << 31).all() and (r.multiplier >= 0).all() and (r.shift <= 0).all())


def fits_relu(f: Filters) -> bool:
    """Whether the stream for clamped results is right."""
    extra = STEP + f.requantization.shift.astype(np.int64)
    return (
        sums_fit(f)
        and clamps_below_zero_point(f.requantization)
        and bool((extra >= 1).all())
        and bool((f.largest << np.maximum(extra + 1, 0) < 1 << 31).all())
    )


def fits_away(f: Filters) -> bool:
    """Whether the stream for all other results is right."""
    return sums_fit(f) and f.rounds_within_32_bits()


def transformed(weights: npt.NDArray[np.integer]) -> Int64Array:
    """(filters, 3, 3, channels) to (filters, 16 frequencies, channels), 4 times the paper's."""
    down = np.tensordot(weights.astype(np.int64), FILTER_TRANSFORM, axes=(1, 1))
    both = np.tensordot(down, FILTER_TRANSFORM, axes=(1, 1))  # (filters, channels, down, across)
    return both.transpose(0, 2, 3, 1).reshape(len(weights), FREQUENCIES, -1)


def pack(f: Filters, in_channels: int) -> Int32Array:
    """The stream of all filters."""
    count = len(f.bias)
    blocks = -(-count // BLOCK)
    ends = np.zeros((blocks * BLOCK, 4), np.int64)
    ends[:count] = np.stack(_requantization(f), axis=1)
    points = np.zeros((blocks * BLOCK, FREQUENCIES, in_channels), np.int64)
    points[:count] = transformed(f.weights.reshape(count, 3, 3, in_channels))
    quads = points.reshape(blocks, BLOCK, FREQUENCIES, in_channels // 4, 4).transpose(0, 2, 3, 4, 1)
    words = quads[..., 0:2, :] & 0xFFFF | quads[..., 2:4, :] << 16
    stream = np.concatenate([words.reshape(blocks, -1), ends.reshape(blocks, -1)], axis=1).reshape(-1)
    return (stream & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _requantization(f: Filters) -> tuple[Int64Array, ...]:
    """Bias, multiplier, constant and shift of each channel, in the meaning of the stream that fits."""
    r = f.requantization
    bias, multiplier = f.bias * GAIN, r.multiplier.astype(np.int64)
    n = -r.shift.astype(np.int64)
    if not fits_relu(f):
        return bias, multiplier, f.rounding_constants(), n
    extra = STEP - n
    constant = (np.int64(1) << (extra - 1)) + (1 << STEP - 1) + f.zero_point * (1 << STEP)
    return bias, multiplier, constant, extra - 1


def lag(p: "Params") -> int:
    """How far above the output the input must begin: a patch is read before its outputs are written."""
    w = p.window
    tops, lefts = np.arange(0, w.out_h, TILE_ROWS), np.arange(0, w.out_w, TILE_COLUMNS)
    rows, columns = np.maximum(tops - w.pad_top, 0), np.maximum(lefts - w.pad_left, 0)
    reads = ((rows[:, np.newaxis] * w.in_w + columns) * p.in_channels).reshape(-1)
    last_rows = np.minimum(tops + TILE_ROWS, w.out_h) - 1
    ends = np.minimum(lefts + TILE_COLUMNS, w.out_w)
    writes = ((last_rows[:, np.newaxis] * w.out_w + ends) * p.out_channels).reshape(-1)
    still_read = np.minimum.accumulate(reads[::-1])[::-1]
    written = np.maximum.accumulate(writes)
    return max(0, int((written[:-1] - still_read[1:]).max(initial=0)))


def scratch_bytes(p: "Params") -> int:
    """Transformed inputs; then sums and outputs of four filters, where the copy of a patch was before."""
    products = 4 * FREQUENCIES * 2 * BLOCK + TILE_ROWS * TILE_COLUMNS * BLOCK
    return 2 * FREQUENCIES * 2 * p.in_channels + max(products, PATCH_ROWS * PATCH_COLUMNS * p.in_channels)


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    f = filters(p)
    without = ("window_h", "window_w", "stride_h", "stride_w", "dilation_h", "dilation_w")
    fields = (
        *p.window.c_fields(*without),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "out_channels", p.out_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "stream", Constant(pack(f, p.in_channels))),
        Field("int32_t", "is_relu", int(fits_relu(f))),
        Field("int32_t", "act_min", p.requantization.act_min),
        Field("int32_t", "act_max", p.requantization.act_max),
    )
    return KernelCall(
        "ep_conv2d_winograd_s8_dsp",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=scratch_bytes(p),
        lags=((0, lag(p)),),
    )


def instructions(p: "Params") -> float:
    """By the shape alone; what is not counted in the assembly is fitted."""
    w, r = p.window, p.requantization
    quads, (blocks, rest) = p.in_channels // 4, divmod(p.out_channels, BLOCK)
    pairs = -(-w.out_h // TILE_ROWS) * -(-w.out_w // TILE_COLUMNS)
    at_ends = w.positions - (w.out_h // TILE_ROWS) * (w.out_w // TILE_COLUMNS) * TILE_ROWS * TILE_COLUMNS
    inputs = pairs * (95 + 263 * quads) + (pairs - _inside(p)) * (165 + 75 * quads)
    products = FREQUENCIES * (22 * quads + 7 + 3 * (1 + (quads - 1) // 8))
    outputs = 107 if fits_relu(filters(p)) else 123
    made = blocks * (products + 103) + (products + 247 if rest else 0) + p.out_channels * outputs
    clamped = 2 * p.out_channels if (r.act_min, r.act_max) != (-128, 127) else 0
    return 30 + inputs + pairs * made + at_ends * 13 * blocks + w.positions * (5 * rest + clamped)


def _inside(p: "Params") -> int:
    """How many patches stay in the image."""
    w = p.window
    tops = np.arange(0, w.out_h, TILE_ROWS) - w.pad_top
    lefts = np.arange(0, w.out_w, TILE_COLUMNS) - w.pad_left
    rows = int(((tops >= 0) & (tops + PATCH_ROWS <= w.in_h)).sum())
    return rows * int(((lefts >= 0) & (lefts + PATCH_COLUMNS <= w.in_w)).sum())


CONV_2D_WINOGRAD = Variant("winograd", "dsp", fits, kernel, instructions, is_larger=True)
