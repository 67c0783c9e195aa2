"""Properties of every memory planner, on random buffers, and of the checker that they have to pass."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.errors import InternalError
from edgeprune.memory.check import check_plan
from edgeprune.memory.placement import place_in_order, top
from edgeprune.memory.plan import Buffer, MemoryPlan, lower_bound_bytes, round_up
from edgeprune.memory.planners import PLANNERS
from edgeprune.memory.planners.search import Search, search

ALIGNMENTS = st.sampled_from([1, 4, 8, 16])


@st.composite
def buffer_sets(draw, least=1):
    count = draw(st.integers(least, 12))
    buffers = []
    for index in range(count):
        start = draw(st.integers(-1, 10))
        stop = start + draw(st.integers(1, 6))
        over = []
        for other in buffers:
            if other.stop == start + 1 and other.start < start and draw(st.booleans()):
                over.append((other.name, draw(st.integers(0, 100))))
        buffers.append(Buffer(f"b{index}", draw(st.integers(1, 200)), start, stop, tuple(over)))
    return buffers


def naive_lower_bound(buffers, align_bytes):
    def rounded(size):
        return -(-size // align_bytes) * align_bytes

    loads = []
    for step in range(-1, 20):
        live = {b.name: b for b in buffers if b.start <= step < b.stop}
        load = sum(rounded(b.size_bytes) for b in live.values())
        for b in live.values():
            size = rounded(b.size_bytes)
            lags = [(live[name].size_bytes, lag) for name, lag in b.over if b.start == step]
            load -= min(size, sum(max(0, min(size - rounded(lag), rounded(n))) for n, lag in lags))
        loads.append(load)
    return max(loads)


@pytest.mark.parametrize("planner", PLANNERS, ids=lambda planner: planner.name)
@settings(max_examples=40, deadline=None)
@given(buffers=buffer_sets(), align_bytes=ALIGNMENTS)
def test_every_plan_passes_the_checker_and_respects_the_lower_bound(planner, buffers, align_bytes):
    plan = planner.plan(buffers, align_bytes)
    check_plan(buffers, plan.offsets, align_bytes, plan.arena_bytes)
    assert lower_bound_bytes(buffers, align_bytes) == naive_lower_bound(buffers, align_bytes)
    assert plan.lower_bound_bytes >= naive_lower_bound(buffers, align_bytes)
    assert plan.lower_bound_bytes <= plan.arena_bytes <= sum(b.size_bytes + align_bytes for b in buffers)
    assert planner.plan(buffers, align_bytes) == plan


@settings(max_examples=40, deadline=None)
@given(buffers=buffer_sets(), align_bytes=ALIGNMENTS)
def test_search_is_never_worse_than_by_size(buffers, align_bytes):
    by_size = PLANNERS["by_size"].plan(buffers, align_bytes)
    assert Search(tries=50).plan(buffers, align_bytes).arena_bytes <= by_size.arena_bytes


def test_search_meets_the_lower_bound_where_by_size_does_not():
    # By size: x and v at 0, w (2) above v, then u (1) above x and w, at 7. Better: u on x, w below v.
    buffers = [Buffer("u", 1, 0, 2), Buffer("v", 5, 2, 5), Buffer("w", 2, 1, 4), Buffer("x", 6, 0, 1)]
    by_size = PLANNERS["by_size"].plan(buffers, 1)
    found = PLANNERS["search"].plan(buffers, 1)
    assert (by_size.arena_bytes, found.arena_bytes, found.lower_bound_bytes) == (8, 7, 7)


def test_search_moves_help_beyond_the_first_orders():
    rng = np.random.default_rng(5)
    improved = 0
    for _ in range(10):
        starts, lengths = rng.integers(0, 12, 14), rng.integers(1, 6, 14)
        sizes = rng.integers(1, 40, 14)
        buffers = [
            Buffer(f"b{i}", int(size), int(start), int(start + length))
            for i, (size, start, length) in enumerate(zip(sizes, starts, lengths, strict=True))
        ]
        few = top(search(buffers, 1, 5, np.random.default_rng(0)))
        many = top(search(buffers, 1, 300, np.random.default_rng(0)))
        assert many <= few
        improved += many < few
    assert improved


@pytest.mark.parametrize("planner", PLANNERS, ids=lambda planner: planner.name)
def test_no_buffers_still_give_an_arena(planner):
    plan = planner.plan([], 8)
    assert plan.arena_bytes == 8


def test_peak_step_is_the_fullest():
    plan = PLANNERS["by_size"].plan([Buffer("a", 8, -1, 1), Buffer("b", 100, 2, 4), Buffer("c", 8, 3, 5)], 8)
    assert (plan.peak_step, plan.lower_bound_bytes) == (3, 112)


@settings(max_examples=60, deadline=None)
@given(buffers=buffer_sets(least=2), data=st.data())
def test_the_checker_catches_a_buffer_moved_onto_another(buffers, data):
    offsets = dict(PLANNERS["by_size"].plan(buffers, 4).offsets)
    pairs = [(a, b) for a in buffers for b in buffers if a is not b and a.meets(b)]
    if not pairs:
        return
    moved, onto = data.draw(st.sampled_from(pairs))
    offsets[moved] = offsets[onto]
    with pytest.raises(InternalError, match="overlap"):
        check_plan(buffers, offsets, 4, 10**6)


A, B = Buffer("a", 10, 0, 2), Buffer("b", 6, 1, 3)


@pytest.mark.parametrize(
    ("buffers", "offsets", "arena_bytes", "message"),
    [
        ([A, B], {A: 0}, 64, "'b' has no place"),
        ([A, B], {A: 0, B: 12}, 16, "'b' is at 12 to 18, the arena has 16"),
        ([A, B], {A: 0, B: 13}, 64, "'b' is at 13, which is not a multiple of 4"),
        ([A, B], {A: -4, B: 12}, 64, "'a' is at -4"),
        (
            [A, B],
            {A: 0, B: 8},
            64,
            "'a' and 'b' overlap in step 1: the one ends at 10, the other begins at 8",
        ),
        ([A], {A: 0, B: 12}, 64, "nobody asked for: b"),
        ([A, Buffer("a", 4, 5, 6)], {A: 0, Buffer("a", 4, 5, 6): 0}, 64, "same name"),
        ([Buffer("e", 4, 2, 2)], {Buffer("e", 4, 2, 2): 0}, 64, "empty"),
    ],
)
def test_the_checker_names_what_is_wrong(buffers, offsets, arena_bytes, message):
    with pytest.raises(InternalError, match=message):
        check_plan(buffers, offsets, 4, arena_bytes)


def test_the_checker_lets_buffers_follow_each_other_in_the_same_place():
    first, second = Buffer("first", 8, 0, 2), Buffer("second", 8, 2, 3)
    check_plan([first, second], {first: 0, second: 0}, 8, 8)
    assert MemoryPlan({first: 0, second: 0}, 8).arena_bytes == 8


def test_an_output_overwrites_the_input_that_dies_as_far_as_agreed():
    read = Buffer("read", 100, 0, 2)
    written = Buffer("written", 100, 1, 3, over=(("read", 24),))
    plan = PLANNERS["search"].plan([read, written], 8)
    assert plan.offsets[read] - plan.offsets[written] == 24
    assert plan.arena_bytes == plan.lower_bound_bytes == 128


def test_the_checker_holds_outputs_to_what_was_agreed():
    read = Buffer("read", 100, 0, 2)
    written = Buffer("written", 100, 1, 3, over=(("read", 24),))
    check_plan([read, written], {written: 0, read: 24}, 8, 128)
    with pytest.raises(InternalError, match="overlap in step 1"):
        check_plan([read, written], {written: 0, read: 16}, 8, 128)
    with pytest.raises(InternalError, match="overlap in step 1"):
        check_plan([read, written], {written: 24, read: 0}, 8, 128)
    lives_on = Buffer("read", 100, 0, 3)
    with pytest.raises(InternalError, match="overlap in step 1"):
        check_plan([lives_on, written], {written: 0, lives_on: 24}, 8, 128)


@settings(max_examples=25, deadline=None)
@given(buffers=buffer_sets(), align_bytes=st.sampled_from([1, 8]))
def test_a_plan_proved_optimal_is_what_trying_every_order_finds(buffers, align_bytes):
    buffers = buffers[:6]
    names = {buffer.name for buffer in buffers}
    buffers = [replace(b, over=tuple(pair for pair in b.over if pair[0] in names)) for b in buffers]
    plan = PLANNERS["exact"].plan(buffers, align_bytes)
    assert plan.is_optimal
    least = min(top(place_in_order(order, align_bytes)) for order in permutations(buffers))
    assert plan.arena_bytes == round_up(least, align_bytes)
