"""Filters as Helium's kernels read them: one stream of biases, weights, multipliers and shifts.

`ep_filters_s8_mve.h` says what the stream holds. Blocks come in the order in which they are computed, so
one pointer, which loads move on for free, leads through all constants of a layer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.convolution import Int32Array, Requantization

LANES = 16
UNROLL = 9
"""Steps in the loop of ep_filters_s8_mve.c."""
GROUP_ORDER = (0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15)
HALF_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
MOST_CHANNELS = 256
"""Live channels are put in their places by offsets of 8 bits."""
POSITIVE, RIGHT, ANY = range(3)
"""How to round: results below the zero point do not matter; all shifts go right; any shifts."""


@dataclass(frozen=True, eq=False)
class Packed:
    """The stream, and what the kernel must know to read it."""

    stream: npt.NDArray[np.int8]
    steps: int
    channels: int
    rounding: int
    requantization: Requantization

    @property
    def blocks(self) -> int:
        """Blocks of four filters, those of zeros at the end included."""
        return len(channel_order(self.channels)) // 4

    def c_fields(self) -> tuple[Field, ...]:
        """The fields of a kernel's params struct, in the order of the C struct ep_filters_s8_mve."""
        r = self.requantization
        return (
            Field("int8_t", "packed", Constant(self.stream)),
            Field("int32_t", "steps", self.steps),
            Field("int32_t", "channels", self.channels),
            Field("int32_t", "zero_point", r.zero_point),
            Field("int32_t", "act_min", r.act_min),
            Field("int32_t", "act_max", r.act_max),
            Field("int32_t", "rounding", self.rounding),
        )


def channel_order(channels: int) -> list[int]:
    """The channel of each filter of the stream; numbers from `channels` on are fillers."""
    order = []
    for first in range(0, channels, LANES):
        lanes = GROUP_ORDER if channels - first > len(HALF_ORDER) else HALF_ORDER
        order += [first + lane for lane in lanes]
    return order


def fillers(values: npt.NDArray[np.generic], order: list[int], fill: int) -> npt.NDArray[np.generic]:
    """`values`, whose first dimension is channels, in that order; `fill` where there is no channel."""
    padding = [(0, max(order) + 1 - len(values))] + [(0, 0)] * (values.ndim - 1)
    ordered: npt.NDArray[np.generic] = np.pad(values, padding, constant_values=fill)[order]
    return ordered


def rounding_mode(r: Requantization, shift: Int32Array) -> int:
    """The cheapest way to round that is right for these shifts and this range of outputs."""
    if shift.max() <= 0 and r.act_min >= r.zero_point:
        return POSITIVE
    return RIGHT if shift.max() < 0 else ANY


def effective_shift(r: Requantization) -> Int32Array:
    """The shifts, but -1 where the multiplier is 0: the result is 0 whatever the shift."""
    shift: Int32Array = np.where(r.multiplier == 0, -1, r.shift).astype(np.int32)
    return shift


def is_free_of_wrapping(r: Requantization, largest_accumulator: int) -> bool:
    """Whether no scaled accumulator with the zero point added can leave 32 bits.

    TFLM wraps there, the kernels for Helium saturate.
    """
    left = int(np.maximum(r.shift, 0).max())
    return largest_accumulator << left < (1 << 31) - 256


def pack_filters(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int64], requantization: Requantization
) -> Packed:
    """Pack `weights` (channels, weights of each), whose `bias` has the input's zero point multiplied out."""
    channels, depth = weights.shape
    steps = -(-depth // LANES)
    order = channel_order(channels)
    shift = effective_shift(requantization)
    rounding = rounding_mode(requantization, shift)
    whole = np.pad(weights, [(0, 0), (0, steps * LANES - depth)])
    filters = fillers(whole, order, 0).reshape(-1, 4, steps, LANES).transpose(0, 2, 1, 3)
    blocks = len(order) // 4
    parts = [
        little_endian(fillers(bias.astype(np.int32), order, 0), blocks),
        little_endian(filters, blocks),
        little_endian(fillers(requantization.multiplier, order, 0), blocks),
        little_endian(fillers(shift.astype(np.int8), order, -1), blocks),
    ]
    stream = np.concatenate(parts, axis=1).reshape(-1)
    return Packed(stream, steps, channels, rounding, requantization)


def sums_range(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The least and the largest sum of each channel, (2, channels); biases have zero points folded in."""
    wide = weights.astype(np.int64)
    low, high = np.minimum(-128 * wide, 127 * wide), np.maximum(-128 * wide, 127 * wide)
    return np.stack([bias + low.sum(axis=1), bias + high.sum(axis=1)])


@dataclass(frozen=True, eq=False)
class Live:
    """Channels that depend on the input at all, and what the others are; pruned networks have many."""

    channels: npt.NDArray[np.int64]
    constants: npt.NDArray[np.int8]

    def c_fields(self) -> tuple[Field, ...]:
        """The last fields of a kernel's params; null pointers where every channel is computed."""
        everything = len(self.channels) == len(self.constants)
        return (
            Field("int32_t", "out_channels", len(self.constants)),
            Field("int8_t", "constants", None if everything else Constant(self.constants)),
            Field("uint8_t", "live", None if everything else Constant(self.channels.astype(np.uint8))),
        )

    def instructions(self, pixels: int) -> float:
        """What ep_expand_s8_mve_run executes."""
        live, channels = len(self.channels), len(self.constants)
        if live == channels:
            return 0.0
        return 50 + pixels * (28 + 8 * -(-live // LANES) + 3 * -(-channels // LANES))


def find_live(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int64], requantization: Requantization
) -> Live:
    """The channels to compute: all, unless constant ones save whole blocks; never none."""
    ends = requantization.apply(sums_range(weights, bias))
    is_live = ends[0] != ends[1]
    is_live[0] |= not is_live.any()
    channels = np.flatnonzero(is_live)
    total = len(weights)
    if total > MOST_CHANNELS or len(channel_order(len(channels))) == len(channel_order(total)):
        channels = np.arange(total)
    return Live(channels, ends[0])


def pixels_lag(pixels: int, in_bytes: int, out_bytes: int) -> int:
    """The lag (ops/overlap.py) of `pixels` in one row: two at a time, results come before the last reads."""
    lags = (min(first + 2, pixels) * out_bytes - first * in_bytes for first in range(0, pixels, 2))
    return max(0, *lags)


def pixels_instructions(packed: Packed, runs: int, pixels: int, step: int, depth: int) -> float:
    """What ep_pixels_s8_mve_run executes in `runs` calls, the last of which reaches the input's end."""
    reach = packed.steps * LANES
    late = min(pixels, -(-(reach - depth) // step))
    in_place = filters_instructions(packed, runs - 1, pixels) + filters_instructions(packed, 1, pixels - late)
    copies = late * (50 + 3.0 * packed.steps + filters_instructions(packed, 1, 1))
    return runs * 30 + in_place + copies


def filters_instructions(packed: Packed, runs: int, pixels: int) -> float:
    """What ep_filters_s8_mve_run executes in `runs` calls on `pixels` pixels each."""
    r = packed.requantization
    groups, rest = divmod(packed.channels, LANES)
    groups, halves = groups + (rest > LANES // 2), int(0 < rest <= LANES // 2)
    clamp = 0 if (r.act_min, r.act_max) == (-128, 127) else 8
    ends = groups * (25 + clamp) + halves * (18 + clamp) + 25
    rounds = -(-packed.steps // UNROLL)
    common = packed.blocks * (11 + (6, 10, 19)[packed.rounding] + 2 * rounds) + ends
    pairs, last = divmod(pixels, 2)
    two = packed.blocks * 14 * packed.steps + common
    one = packed.blocks * 9 * packed.steps + common
    return runs * (70 + pairs * two + last * one)


def little_endian(array: npt.NDArray[np.generic], blocks: int) -> npt.NDArray[np.int8]:
    """The bytes of `array`, little-endian, a row for each of `blocks`."""
    raw = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()
    return np.frombuffer(raw, np.int8).reshape(blocks, -1)
