"""What a Linux device's times and states become: medians with their interval, notes, differences."""

import json
import math
import random
from pathlib import Path

import pytest

from edgeprune.device.board import Board
from edgeprune.device.target import find_target
from edgeprune.profile.linux import Job, latency_of, state_notes
from edgeprune.profile.linux import _differences as differences
from edgeprune.profile.measure import Parity


def test_latency_of_known_runs() -> None:
    found = latency_of([5000, 1000, 3000, 2000, 4000])
    assert (found.min, found.median, found.p95, found.max) == (1.0, 3.0, 5.0, 5.0)
    assert found.median_interval is None


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    """Of 2,000 samples of 51 from a skewed distribution about 95 % (never below 93 %) hold its median."""
    rng = random.Random(1)
    true = 1000 * math.log(2)
    held = 0
    for _ in range(2000):
        found = latency_of([int(1e6 * rng.expovariate(1)) for _ in range(51)])
        assert found.median_interval is not None
        low, high = found.median_interval
        held += low <= true <= high
    assert 0.93 <= held / 2000 <= 0.98


@pytest.mark.parametrize("count", [6, 7, 20, 200])
def test_the_interval_lies_around_the_median(count: int) -> None:
    found = latency_of([1000 * n for n in range(count)])
    assert found.median_interval is not None and found.median is not None
    low, high = found.median_interval
    assert found.min <= low <= found.median <= high <= found.max


def state(**values: object) -> dict[str, object]:
    return {"throttled": None, "frequency_hz": None, "governor": None, **values}


def test_a_quiet_board_has_no_notes() -> None:
    quiet = state(
        throttled={"raw": 0, "now": [], "since_boot": []},
        frequency_hz=[1_800_000_000],
        governor=["performance"],
    )
    assert state_notes(quiet, quiet) == []
    assert state_notes(state(), state()) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"throttled": {"raw": 4, "now": ["throttled"], "since_boot": []}}, "throttled while"),
        ({"throttled": {"raw": 1, "now": ["under-voltage"], "since_boot": []}}, {}, "under-voltage"),
        (
            {"throttled": {"raw": 0, "now": [], "since_boot": []}},
            {"throttled": {"raw": 1 << 18, "now": [], "since_boot": ["throttled"]}},
            "between the runs",
        ),
        ({"frequency_hz": [1_800_000_000]}, {"frequency_hz": [600_000_000]}, "fell from 1,800,000,000"),
        ({}, {"governor": ["ondemand", "performance"]}, "governor ondemand"),
    ],
)
def test_what_slows_a_board_is_said(before: dict[str, object], after: dict[str, object], words: str) -> None:
    notes = state_notes(state(**before), state(**after))
    assert len(notes) == 1
    assert words in notes[0]


def test_what_was_throttled_long_ago_is_no_news() -> None:
    old = state(throttled={"raw": 1 << 18, "now": [], "since_boot": ["throttled"]})
    assert state_notes(old, old) == []


def test_differences_are_in_units_of_the_output() -> None:
    assert differences(b"\x01\xff", b"\x01\x01", "int8") == [0, 2]
    assert differences(b"\xff", b"\x01", "uint8") == [254]
    assert differences(b"", b"", "int8") == []


@pytest.mark.parametrize(
    ("parity", "fails"),
    [
        (Parity(4, 0), False),
        (Parity(4, 1), True),
        (Parity(4, 3, 87.0, 2.0, 12.0, "LiteRT"), False),
        (Parity(4, 3, 87.0, 12.5, 12.0, "LiteRT"), True),
        (Parity(4, 1, 0.1, math.nan, 0.1, "LiteRT"), True),
    ],
)
def test_parity_fails_where_bits_are_promised_or_rounding_is_no_excuse(parity: Parity, fails: bool) -> None:
    assert parity.is_failure == fails


def test_a_job_is_found_again_for_its_own_network_only(tmp_path: Path) -> None:
    board = Board("pi", find_target("rpi4"), tmp_path)
    assert Job.pending(board, "abc") is None
    Job(7, 200, "abc").keep(board)
    assert Job.pending(board, "abc") == Job(7, 200, "abc")
    assert Job.pending(board, "other") is None
    (tmp_path / "job.json").write_text(json.dumps({"token": "x"}))
    assert Job.pending(board, "abc") is None
