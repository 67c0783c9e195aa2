"""Filters as the kernels for NEON read them: one stream of biases, weights, multipliers and shifts.

`ep_filters_neon.h` says what the stream holds. SMLAL adds two products in 16 bits, of which only
-128 * -128 + -128 * -128 does not fit: filters in which two such weights meet keep the portable kernel. SDOT
has no such limit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field
from edgeprune.ops.convolution import Requantization
from edgeprune.ops.fixedpoint import multiply_by_quantized_multiplier
from edgeprune.ops.mve.pack import effective_shift, little_endian, sums_range

STEP, HALF, GROUP = 16, 8, 4
POSITIVE, RIGHT, ANY = range(3)
"""EP_POSITIVE, EP_RIGHT and EP_ANY of ep_requantize_neon.h."""


Cost = tuple[float, float]
"""Instructions: once, and for each pixel."""


@dataclass(frozen=True)
class Kind:
    """One of the two kernels that run packed filters.

    block, pixels  channels and pixels that are computed together
    inputs         of one filter that lie together in a step
    The others are instructions, fitted to counts: of a call, of some pixels together, of a block of channels
    (and its roundings, and of one that is not whole), of a run, of a step, of a tail of so many groups.
    """

    name: str
    block: int
    pixels: int
    inputs: int
    call: float
    group: Cost
    channels: Cost
    roundings: tuple[Cost, Cost, Cost]
    part: Cost
    run: float
    step: Cost
    tails: tuple[Cost, Cost, Cost, Cost]

    def tail_groups(self, rest_bytes: int) -> int:
        """Of four bytes, that are read where `rest_bytes` of a run are left over."""
        groups = -(-rest_bytes // GROUP)
        return groups if self.inputs == GROUP else -(-groups // 2) * 2


DOT = Kind(
    "dot",
    block=8,
    pixels=8,
    inputs=GROUP,
    call=40,
    group=(8.7, 1),
    channels=(23.5, 9.4),
    roundings=((0, 0), (0.7, 2.1), (6.9, 9.3)),
    part=(7.7, 2.4),
    run=8.5,
    step=(6.5, 9.2),
    tails=((4.8, 4), (8.5, 5.5), (9.9, 6.9), (14.2, 8.4)),
)
NEON = Kind(
    "neon",
    block=4,
    pixels=4,
    inputs=STEP,
    call=28,
    group=(7.5, 0),
    channels=(24.1, 12.4),
    roundings=((0, 0), (1.1, 1.1), (6.5, 5.2)),
    part=(0, 3),
    run=6.6,
    step=(4.4, 13.5),
    tails=((0.9, 10.8), (0.9, 10.8), (4.6, 13.3), (4.6, 13.3)),
)


@dataclass(frozen=True)
class Steps:
    """How a run of `run_bytes` is read: steps of 16 up to `whole_bytes`, then a tail."""

    run_bytes: int
    whole_bytes: int
    tail_at: int
    tail: int

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Where each piece begins, and its width."""
        tail = [(self.tail_at, GROUP * self.tail)] if self.tail else []
        return [(at, STEP) for at in range(0, self.whole_bytes, STEP)] + tail


def steps_of(kind: Kind, run_bytes: int, *, is_exact: bool) -> Steps | None:
    """The steps of a run; None where `is_exact`, no byte behind the run may be read, and one would be."""
    rest = run_bytes % STEP
    whole, tail = run_bytes - rest, kind.tail_groups(rest)
    read_bytes = 0 if rest == 0 else HALF if tail <= 2 else STEP
    if not is_exact or whole + read_bytes == run_bytes:
        return Steps(run_bytes, whole, whole if tail else 0, tail)
    if run_bytes < read_bytes:
        return None
    return Steps(run_bytes, whole, run_bytes - read_bytes, read_bytes // GROUP)


@dataclass(frozen=True, eq=False)
class Packed:
    """The stream for a kernel of `kind`, and what it must know to read it."""

    kind: Kind
    stream: npt.NDArray[np.int8]
    channels: int
    runs: int
    steps: Steps
    requantization: Requantization
    rounding: int

    def c_fields(self, prefix: str) -> tuple[Field, ...]:
        """The fields of a struct ep_filters_neon called `prefix`, in its order."""
        return (
            Field("int8_t", f"{prefix}.packed", Constant(self.stream)),
            Field("int32_t", f"{prefix}.channels", self.channels),
            Field("int32_t", f"{prefix}.runs", self.runs),
            Field("int32_t", f"{prefix}.whole_bytes", self.steps.whole_bytes),
            Field("int32_t", f"{prefix}.tail_at", self.steps.tail_at),
            Field("int32_t", f"{prefix}.tail", self.steps.tail),
            *output_fields(self.requantization, self.rounding, f"{prefix}.output"),
        )

    def instructions(self, pixels: int) -> float:
        """What the kernel executes in one call."""
        whole, rest = divmod(pixels, self.kind.pixels)
        groups = whole * self._together(self.kind.pixels) + (self._together(rest) if rest else 0)
        return self.kind.call + groups

    def _together(self, pixels: int) -> float:
        """For so many pixels together."""
        kind = self.kind

        def total(cost: Cost, count: float = 1) -> float:
            return count * (cost[0] + cost[1] * pixels)

        run = kind.run + total(kind.step, self.steps.whole_bytes / STEP)
        run += total(kind.tails[self.steps.tail - 1]) if self.steps.tail else 0
        block = total(kind.channels) + total(kind.roundings[self.rounding]) + self.runs * run
        blocks, rest = divmod(self.channels, kind.block)
        stores = kind.part[0] + kind.part[1] * pixels * rest.bit_count() if rest else 0
        return total(kind.group) + (blocks + (rest > 0)) * block + stores


def output_fields(r: Requantization, rounding: int, prefix: str) -> tuple[Field, ...]:
    """The fields of a struct ep_output_neon called `prefix`."""
    values = {"zero_point": r.zero_point, "act_min": r.act_min, "act_max": r.act_max, "rounding": rounding}
    return tuple(Field("int32_t", f"{prefix}.{name}", value) for name, value in values.items())


def rounding_mode(r: Requantization, sums: npt.NDArray[np.int64]) -> int:
    """The cheapest way to round and clamp; `sums` are the least and the largest of each channel."""
    highest = int(effective_shift(r).max())
    scaled = multiply_by_quantized_multiplier(sums, r.multiplier, r.shift) + np.int64(r.zero_point)
    is_short = bool((np.abs(scaled) < 1 << 15).all())
    if not is_short or (r.act_min, r.act_max) != (-128, 127):
        return ANY
    if highest <= 0 and r.zero_point == -128:
        return POSITIVE
    return RIGHT if highest < 0 else ANY


def pack(
    kind: Kind,
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int64],
    requantization: Requantization,
    steps: Steps,
) -> Packed:
    """Pack `weights` (channels, runs, run bytes), whose `bias` has the input's zero point multiplied out."""
    channels, runs, _ = weights.shape
    blocks = -(-channels // kind.block)
    rows = []
    pieces = [_filled(piece, blocks * kind.block) for piece in _pieces(weights, steps)]
    for run in range(runs):
        for piece in pieces:
            width = piece.shape[2]
            groups = piece[:, run].reshape(blocks, kind.block, -1, min(kind.inputs, width))
            rows.append(groups.transpose(0, 2, 1, 3).reshape(blocks, -1))
    shift = np.full(blocks * kind.block, -1)
    shift[:channels] = effective_shift(requantization)
    parts = [
        little_endian(_filled(bias.astype(np.int32), blocks * kind.block), blocks),
        *rows,
        little_endian(_filled(requantization.multiplier, blocks * kind.block), blocks),
        little_endian(shift.astype(np.int32), blocks),
    ]
    stream = np.concatenate(parts, axis=1).reshape(-1)
    sums = sums_range(weights.reshape(channels, -1), bias)
    return Packed(kind, stream, channels, runs, steps, requantization, rounding_mode(requantization, sums))


def two_fit(weights: npt.NDArray[np.int8], steps: Steps) -> bool:
    """Whether no two weights of -128 are added up in 16 bits; `weights` are (channels, runs, run bytes)."""
    for piece in _pieces(weights, steps):
        low, high = piece[..., :HALF] == -128, piece[..., HALF:] == -128
        if high.shape[-1] and (low & high).any():
            return False
    return True


def _pieces(weights: npt.NDArray[np.int8], steps: Steps) -> list[npt.NDArray[np.int8]]:
    """The weights of each piece of all runs; 0 where a piece sees an input again, or what is no input."""
    made = []
    covered = 0
    for at, width in steps.pieces:
        part = weights[:, :, at : at + width].copy()
        part[:, :, : max(0, covered - at)] = 0
        covered = at + width
        made.append(np.pad(part, [(0, 0), (0, 0), (0, width - part.shape[2])]))
    return made


def _filled(values: npt.NDArray[np.generic], count: int) -> npt.NDArray[np.generic]:
    """`values` with zeros behind, `count` in all."""
    padding = [(0, count - len(values))] + [(0, 0)] * (values.ndim - 1)
    filled: npt.NDArray[np.generic] = np.pad(values, padding)
    return filled
