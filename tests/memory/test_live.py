"""Live ranges: steps of kernels, network inputs and outputs, renamed tensors, scratch."""

import numpy as np
import pytest
from support.networks import NetworkBuilder, tiny_network

from edgeprune.errors import ModelError
from edgeprune.memory import plan_memory
from edgeprune.memory.live import live_ranges
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import bind


def ranges(graph):
    live = live_ranges(graph, bind(graph))
    return {b.name.split(":", 1)[1]: (b.start, b.stop) for b in live.storage.values()}


def test_inputs_live_before_the_first_step_and_outputs_after_the_last():
    net = NetworkBuilder()
    image = net.tensor("image", (1, 8, 8, 1))
    last = net.pool(net.pool(image, "a"), "b")
    assert ranges(net.graph((image,), (last,))) == {"image": (-1, 1), "a": (0, 2), "b": (1, 3)}


def test_a_renamed_tensor_shares_its_buffer_through_several_renamings():
    net = NetworkBuilder()
    image = net.tensor("image", (1, 64))
    cube = net.reshape(net.reshape(image, "half", (1, 32, 2)), "cube", (1, 8, 8, 1))
    pooled = net.pool(cube, "pooled")
    other = net.pool(cube, "other")
    flat = net.reshape(pooled, "flat", (1, 16))
    graph = net.graph((image,), (flat, other))
    live = live_ranges(graph, bind(graph))
    assert ranges(graph) == {"image": (-1, 2), "pooled": (0, 3), "other": (1, 3)}
    assert live.buffer(cube) is live.buffer(image)
    assert live.buffer(flat) is live.buffer(pooled)


def test_an_input_that_is_also_an_output_is_kept_to_the_end():
    net = NetworkBuilder()
    image = net.tensor("image", (1, 4, 4, 1))
    flat = net.reshape(image, "flat", (1, 16))
    pooled = net.pool(image, "pooled")
    assert ranges(net.graph((image,), (flat, pooled)))["image"] == (-1, 2)


def test_unused_tensors_have_a_place_while_they_are_written():
    net = NetworkBuilder()
    image, unused = net.tensor("image", (1, 4, 4, 1)), net.tensor("unused", (1, 5))
    net.pool(image, "dropped")
    last = net.pool(image, "last")
    found = ranges(net.graph((image, unused), (last,)))
    assert (found["unused"], found["dropped"]) == ((-1, 0), (0, 1))


def test_a_constant_output_is_refused_by_name():
    net = NetworkBuilder()
    image = net.tensor("image", (1, 4, 4, 1))
    fixed = net.constant("fixed", np.zeros((1, 4), np.int8))
    with pytest.raises(ModelError, match="'fixed' is a constant"):
        ranges(net.graph((image,), (net.pool(image, "a"), fixed)))


def test_a_tensor_that_nobody_writes_is_refused():
    net = NetworkBuilder()
    image, lost = net.tensor("image", (1, 4, 4, 1)), net.tensor("lost", (1, 4, 4, 1))
    with pytest.raises(ModelError, match="'lost' is read before it is written"):
        ranges(net.graph((image,), (net.pool(lost, "a"),)))


def test_scratch_lives_in_its_step_only():
    graph = tiny_network()
    live = live_ranges(graph, bind(graph))
    wanted = {step.index: step.call.scratch_bytes for step in live.steps if step.call.scratch_bytes}
    scratch = [b for b in live.buffers if b not in live.storage.values()]
    assert {b.start: b.size_bytes for b in scratch} == wanted
    assert all(b.stop == b.start + 1 for b in scratch)


def test_the_tiny_network_gets_the_smallest_arena():
    plan = plan_memory(tiny_network(), PLANNERS["exact"])
    assert plan.is_optimal
    assert plan.arena_bytes == plan.lower_bound_bytes == 168
