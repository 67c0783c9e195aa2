"""Cuts filters into runs whose sums of 16-bit halves cannot overflow: the weights of ep_dot4_m0.c.

With values from -128 to 127 a run of weights keeps its sum within 16 signed bits if the sum of their
magnitudes is about 256: five to eight weights of trained networks. Any two do, but for -128 twice.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_STEPS = 16
"""Weights in a run: the kernel has so many steps unrolled."""
STEP_BYTES = 14
"""Of code."""


@dataclass(frozen=True, eq=False)
class Runs:
    """`stream`: filter by filter, for each run a byte for its length, then its weights.

    `counts` are the runs of each filter, 0 where it was left out.
    """

    stream: npt.NDArray[np.int8]
    counts: npt.NDArray[np.int64]


def cut(filters: npt.NDArray[np.int8], is_left_out: npt.NDArray[np.bool_], piece_bits: int) -> Runs:
    """Each of `filters` (channels, weights) into as few runs as possible, from its first weight on."""
    starts = _starts(filters.astype(np.int64), piece_bits)
    starts[is_left_out] = False
    parts = [_bytes(f, np.flatnonzero(s)) for f, s in zip(filters, starts, strict=True) if s.any()]
    parts.append(np.zeros(1, np.int8))  # C has no empty arrays
    return Runs(np.concatenate(parts), starts.sum(axis=1))


def _starts(weights: npt.NDArray[np.int64], piece_bits: int) -> npt.NDArray[np.bool_]:
    """Where runs begin."""
    # The sum begins at 2^15 + piece_bits and must stay within 0 ... 2^16 - 1.
    highest = np.where(weights > 0, 127 * weights, -128 * weights)
    lowest = np.where(weights > 0, -128 * weights, 127 * weights)
    starts = np.zeros(weights.shape, np.bool_)
    high = np.full(len(weights), 1 << 30)
    low, length = np.zeros_like(high), np.zeros_like(high)
    for k in range(weights.shape[1]):
        high += highest[:, k]
        low += lowest[:, k]
        length += 1
        is_full = (high > (1 << 15) - 1 - piece_bits) | (low < -(1 << 15)) | (length > MOST_STEPS)
        starts[:, k] = is_full
        high = np.where(is_full, highest[:, k], high)
        low = np.where(is_full, lowest[:, k], low)
        length = np.where(is_full, 1, length)
    return starts


def _bytes(weights: npt.NDArray[np.int8], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """One filter's part of the stream."""
    lengths = np.diff(starts, append=len(weights))
    skips = ((MOST_STEPS - lengths) * STEP_BYTES).astype(np.uint8).view(np.int8)
    return np.insert(weights, starts, skips)
