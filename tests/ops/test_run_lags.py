"""The lags of copies: right in shared memory, and one byte less is wrong."""

import itertools

import numpy as np
import pytest

from edgeprune.ops.overlap import MAX_RUNS, run_lags


def copies_right(reads: list[int], lag: int) -> bool:
    """Whether a copy byte by byte, of input that begins `lag` bytes above the output, reads no new bytes."""
    memory = {lag + place: place for place in range(max(reads) + 1)}
    for to, place in enumerate(reads):
        if memory.get(lag + place) != place:
            return False
        memory[to] = -1
    return True


def reads_of(start: int, places: list[list[int]], count: int, step: int) -> list[int]:
    rows = [start + sum(row) for row in itertools.product(*places)]
    return [row + i * step for row in rows for i in range(count)]


@pytest.mark.parametrize("step", [1, 3, 0, -1])
def test_lag_is_enough(step: int) -> None:
    rng = np.random.default_rng(step + 9)
    for _ in range(200):
        places = [rng.integers(0, 9, rng.integers(1, 5)).tolist() for _ in range(rng.integers(0, 3))]
        count = int(rng.integers(1, 5))
        start = 5 + (count - 1) * max(0, -step)
        ((position, lag),) = run_lags(start, [np.array(p) for p in places], count, step)
        reads = reads_of(start, places, count, step)
        assert position == 0
        assert copies_right(reads, lag)
        if lag and step == 1 and count == 1:
            assert not copies_right(reads, lag - 1)


def test_copies_without_end_are_not_looked_at() -> None:
    assert run_lags(0, [np.arange(MAX_RUNS), np.arange(2)], 1) == ()
