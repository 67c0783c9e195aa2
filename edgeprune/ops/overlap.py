"""How closely an output may follow its input through memory: the lags of kernels that work in order.

A kernel that goes through its outputs from first to last, and has by then read what it needs, may
overwrite input that no later output will read. `window_lag` finds how far above the output the input
must begin for that.
The lag is found by going through all output pixels, so it is exact for that order.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from edgeprune.ops.window import Window

SAME_PLACE = -1
"""For KernelCall.lags: right when input and output begin at the same byte, and then only. Of kernels that
go through an image channel by channel and write each value where they read it."""


def elementwise_lag(elements: int, in_bytes: int = 1, out_bytes: int = 1) -> int:
    """For kernels that read element i, write element i, and go on; sizes of one element in bytes.

    A kernel that loads several elements, up to four, before it stores any of them keeps to it.
    """
    return max(0, (elements - 1) * (out_bytes - in_bytes))


def window_lag(
    window: Window, in_bytes: int, out_bytes: int, *, together: int = 1, copied: bool = False
) -> int:
    """For kernels that make output pixels row by row; `in_bytes`, `out_bytes` a pixel's, all channels.

    `together` pixels, over the ends of rows, are finished before the next ones are begun. `copied`: all
    of their input is read before the first of their bytes is written; else reads of theirs may come
    after writes.
    """
    rows = np.maximum(np.arange(window.out_h) * window.stride_h - window.pad_top, 0)
    columns = np.maximum(np.arange(window.out_w) * window.stride_w - window.pad_left, 0)
    reads = ((rows[:, np.newaxis] * window.in_w + columns) * in_bytes).reshape(-1)
    count = len(reads)
    groups = -(-count // together)
    padded = np.concatenate([reads, np.full(groups * together - count, reads[-1])])
    first_reads = padded.reshape(groups, together).min(axis=1)
    still_read = np.minimum.accumulate(first_reads[::-1])[::-1]
    written = np.minimum(np.arange(1, groups + 1) * together, count) * out_bytes
    lags = written[:-1] - still_read[1:] if copied else written - still_read
    return max(0, int(lags.max(initial=0)))


MAX_RUNS = 1 << 20
"""Runs whose order is looked at; copies of more are not made in place."""


def run_lags(
    start: int, places: Sequence[npt.NDArray[np.int64]], count: int, step: int = 1
) -> tuple[tuple[int, int], ...]:
    """KernelCall.lags of kernels that copy byte by byte, in the output's order, in runs of `count` bytes.

    Each run is read from `start` plus one of each of `places`, the last one changing fastest, in steps
    of `step` bytes. Without an overlap worth looking for: none.
    """
    if prod(len(table) for table in places) > MAX_RUNS:
        return ()
    reads = np.full(1, start, np.int64)
    for table in places:
        reads = (reads[:, np.newaxis] + table).reshape(-1)
    lowest = reads + min(0, step * (count - 1))
    still_read = np.minimum.accumulate(lowest[::-1])[::-1]
    written = np.arange(1, len(reads) + 1) * count
    # A run that is read forwards may be overwritten from its begin while it is copied.
    lags = written[:-1] - still_read[1:] if step > 0 else written - still_read
    return ((0, max(0, int(lags.max(initial=0)))),)
