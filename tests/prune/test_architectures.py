"""Pruning as a property, over the blocks of well-known architectures and some of them as Keras has them."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.architecture_blocks import BLOCKS, build, randomized
from support.keras_networks import NETWORKS
from support.keras_networks import build as build_network

from edgeprune.codegen.generate import generate
from edgeprune.data.dataset import Dataset
from edgeprune.errors import BudgetError, InternalError, ModelError
from edgeprune.graph.check import check as check_graph
from edgeprune.graph.cost import count
from edgeprune.graph.forward import forward
from edgeprune.graph.ir import Graph
from edgeprune.graph.keras_in import from_keras
from edgeprune.graph.keras_out import to_keras
from edgeprune.graph.load import load_model
from edgeprune.memory import plan_memory
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops.fold import fold
from edgeprune.prune.apply import apply, cut
from edgeprune.prune.channels import Channel, ChannelMap, channel_groups, map_channels
from edgeprune.prune.check import check_pruned
from edgeprune.prune.counter import Counter
from edgeprune.prune.methods import METHODS
from edgeprune.prune.plan import PrunePlan, gather, plan
from edgeprune.quant import quantize
from edgeprune.quant.post_training import export_model
from edgeprune.tflite.read import read

FAMILY = sorted(BLOCKS)
# Of keras.applications, at the smallest size: the rest is in tools/reproduce/architectures.py.
APPLICATIONS = ("MobileNetV3Small", "EfficientNetB0", "NASNetMobile")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def graph_of(name: str) -> Graph:
    return from_keras(build(name) if name in BLOCKS else build_network(name))


@cache
def pruned(name: str) -> tuple[PrunePlan, Graph]:
    made = plan(gather(graph_of(name), rng()), method=METHODS["random"], speedup=2.0)
    return made, apply(graph_of(name), made)


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / np.abs(other).max())


def units_of(channels: ChannelMap) -> int:
    return sum(len(group.units) for group in channels.groups)


@pytest.mark.parametrize("name", FAMILY)
def test_numpy_reference_equals_keras(name: str) -> None:
    model = build(name)
    x = rng(1).normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    check_graph(graph_of(name))
    # Single precision: 2^-24 for each of some thousand terms and a dozen layers, mostly cancelling.
    expected = np.asarray(model(x, training=False))
    assert relative(forward(graph_of(name), [x])[graph_of(name).outputs[0]], expected) < 2e-5


@pytest.mark.parametrize("name", FAMILY)
def test_pruned_equals_masked(name: str) -> None:
    made, smaller = pruned(name)
    assert made.speedup >= 2.0
    assert made.after == count(smaller)
    check_graph(smaller)
    assert check_pruned(graph_of(name), smaller, made.removed, rng(2)) < 1e-9


class Removal:
    """The part of a plan that surgery reads."""

    def __init__(self, removed: dict[str, list[int]]) -> None:
        self.removed = removed


@pytest.mark.parametrize("name", FAMILY)
def test_any_choice_of_units_can_be_cut(name: str) -> None:
    graph = graph_of(name)
    for seed in range(5):
        chance = rng(seed)
        removed: dict[str, list[int]] = {}
        for group in channel_groups(graph):
            lost = chance.permutation(len(group.units))[: chance.integers(0, len(group.units))]
            for channel in (c for unit in lost for c in group.units[unit]):
                removed.setdefault(channel.layer, []).append(channel.index)
        smaller = apply(graph, Removal(removed))
        check_graph(smaller)
        assert check_pruned(graph, smaller, removed, rng(seed)) < 1e-9


@pytest.mark.parametrize("name", FAMILY)
def test_the_check_finds_every_swapped_weight(name: str) -> None:
    """Reverse each weight along each axis that was cut: the check must name that layer."""
    made, smaller = pruned(name)
    tried = 0
    for node, old in zip(smaller.nodes, graph_of(name).nodes, strict=True):
        for weight, array in node.weights.items():
            for axis in range(array.ndim):
                if array.shape[axis] in (1, old.weights[weight].shape[axis]):
                    continue
                broken = {**node.weights, weight: np.flip(array, axis)}
                nodes = [replace(n, weights=broken) if n is node else n for n in smaller.nodes]
                with pytest.raises(InternalError, match=f"changed layer {node.name} "):
                    check_pruned(graph_of(name), replace(smaller, nodes=tuple(nodes)), made.removed, rng())
                tried += 1
    assert tried > 0


@pytest.mark.parametrize("name", FAMILY)
def test_saved_and_loaded_is_the_same(name: str, tmp_path: Path) -> None:
    _, smaller = pruned(name)
    model = to_keras(smaller)
    model.save(tmp_path / "pruned.keras")
    loaded = load_model(tmp_path / "pruned.keras")
    x = rng(3).normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    one, other = (np.asarray(each(x, training=False)) for each in (model, loaded))
    assert np.array_equal(one, other)
    assert relative(one, forward(smaller, [x])[smaller.outputs[0]]) < 2e-5
    again = from_keras(loaded)
    assert [node.name for node in again.nodes] == [node.name for node in smaller.nodes]


@pytest.mark.parametrize("name", sorted({*BLOCKS, *NETWORKS}))
def test_the_fast_counter_counts_as_the_cut_graph_does(name: str) -> None:
    graph = graph_of(name)
    channels = map_channels(graph)
    counter, total = Counter(graph, channels), units_of(channels)
    assert counter.macs(np.zeros(total, dtype=bool)) == count(graph).macs
    for seed in range(20):
        chance = rng(seed)
        gone = chance.random(total) < chance.random()
        first = 0
        for group in channels.groups:
            gone[first] = False  # each group keeps one
            first += len(group.units)
        assert counter.macs(gone) == count(cut(graph, channels, gone)).macs


def test_the_counter_refuses_flags_of_another_network() -> None:
    channels = map_channels(graph_of("densenet"))
    with pytest.raises(InternalError, match="flags for"):
        Counter(graph_of("densenet"), channels).macs(np.zeros(units_of(channels) + 1, dtype=bool))


@pytest.mark.parametrize("name", ["mobilenet_v3", "efficientnet", "regnet"])
def test_a_gate_is_coupled_to_what_it_scales(name: str) -> None:
    groups = {layer: group for group in channel_groups(graph_of(name)) for layer in group.layers}
    opened = "grouped" if name == "regnet" else "expand"
    assert groups["excite"] is groups[opened]
    assert groups["squeeze"].layers == ("squeeze",)
    assert all(unit[-1].layer == "excite" for unit in groups["excite"].units)


def test_convnext_loses_its_expansions_only() -> None:
    channels = map_channels(graph_of("convnext"))
    assert [group.layers for group in channels.groups] == [("expand_1",), ("expand_2",)]
    reasons = {entry.layer: entry.reason for entry in channels.frozen}
    assert "(LayerNormalization) needs all its channels" in reasons["stem"]
    assert reasons["scores"].startswith("output")
    with pytest.raises(BudgetError, match="a speed-up of 100 is out of reach"):
        plan(gather(graph_of("convnext"), rng()), method=METHODS["random"], speedup=100.0)


def test_layer_scale_loses_the_channels_that_it_scales() -> None:
    made, smaller = pruned("layer_scale")
    scale = smaller.by_name["scale"]
    assert len(made.removed["first"]) > 0
    assert scale.shape[-1] == scale.config["projection_dim"] == 12 - len(made.removed["first"])


def test_all_groups_of_a_convolution_lose_the_same_places() -> None:
    channels = map_channels(graph_of("regnet"))
    groups = {group.layers: group for group in channels.groups}
    read, made = groups[("narrow",)], groups[("grouped", "excite")]
    assert read.units[1] == tuple(Channel("narrow", place) for place in (1, 5, 9, 13))
    assert {c.index for c in made.units[2]} == {2, 8, 14, 20}
    plan_, smaller = pruned("regnet")
    node = smaller.by_name["grouped"]
    kept_in, kept_out = 16 - len(plan_.removed["narrow"]), 24 - len(plan_.removed["grouped"])
    assert node.config["groups"] == 4
    assert node.weights["kernel"].shape == (3, 3, kept_in // 4, kept_out)
    assert kept_in < 16 and kept_out < 24


def test_a_fixed_channel_fixes_its_place_in_every_group() -> None:
    source = keras.Input((8, 8, 3))
    joined = keras.layers.Concatenate()(
        [source, keras.layers.Conv2D(9, 3, padding="same", name="made")(source)]
    )
    x = keras.layers.Conv2D(8, 3, groups=2, name="grouped")(joined)
    model = keras.Model(source, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 1)(x)))
    channels = map_channels(from_keras(model))
    made = next(group for group in channels.groups if "made" in group.layers)
    # Places 0 to 2 of the first group are the image; so made 3, 4, 5 are fixed, at these of the second.
    assert {tuple(c.index for c in unit) for unit in made.units} == {(0, 6), (1, 7), (2, 8)}
    fixed = {entry.layer: entry for entry in channels.frozen}["made"]
    assert fixed.channels == 3
    assert fixed.reason == "grouped (Conv2D) has a fixed channel at that place of a group"


def test_a_group_for_each_channel_is_a_depthwise_convolution() -> None:
    made, smaller = pruned("group_for_each")
    kept = 10 - len(made.removed["first"])
    assert 0 < kept < 10
    for name, multiplier in (("one_each", 1), ("two_each", 2)):
        node = smaller.by_name[name]
        assert name not in made.removed
        assert (node.kind, node.config["depth_multiplier"]) == ("DepthwiseConv2D", multiplier)
        assert node.weights["kernel"].shape == (3, 3, kept, multiplier)


def test_what_is_quantised_computes_the_same() -> None:
    """Layer normalisation is written anew for the converter."""
    x = rng(5).normal(3, 2, (1, 12, 12, 3)).astype(np.float32)
    graph = graph_of("convnext")
    expected = forward(graph, [x])[graph.outputs[0]]
    assert relative(np.asarray(export_model(graph)(x, training=False)), expected) < 2e-5


def quantized(model: Any) -> bytes:
    shape = model.input_shape[1:]
    x, y = rng(4).uniform(0, 1, (2, *shape)).astype(np.float32), np.arange(2)
    return quantize(model, Dataset("noise", x, y, x, y, 4), samples=2, seed=0)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("mobilenet_v3", None),
        ("nasnet", None),
        ("inception_resnet", None),
        ("regnet", None),
        ("convnext", "GELU .*the operator is not supported"),
    ],
)
def test_the_pruned_network_becomes_int8_c(name: str, refused: str | None) -> None:
    """As C, or refused by the name of what has no kernel."""
    graph = fold(read(quantized(to_keras(pruned(name)[1]))))
    if refused is not None:
        with pytest.raises(ModelError, match=refused):
            plan_memory(graph, PLANNERS["by_size"])
        return
    made = generate(graph, plan_memory(graph, PLANNERS["by_size"]), name=name, model_sha256="0" * 64)
    assert made.layers
    assert "ep_model_run" in made.files["model.c"]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications_of_keras(name: str, tmp_path: Path) -> None:
    make = getattr(keras.applications, name)
    graph = from_keras(randomized(make(weights=None, input_shape=(32, 32, 3), classes=10)))
    made = plan(gather(graph, rng()), method=METHODS["random"], speedup=2.0)
    smaller = apply(graph, made)
    check_graph(smaller)
    assert 2.0 <= made.speedup < 2.01
    assert check_pruned(graph, smaller, made.removed, rng()) < 1e-9
    # Only the scores must stay: every other channel of these networks can go.
    assert [entry.channels for entry in made.frozen] == [10]
