"""What a network costs on a device by shapes alone: XNNPACK's tiles, and the kernels' own instructions."""

from typing import Any

import numpy as np
import pytest

from edgeprune.graph.ir import Graph, Node
from edgeprune.ops.cores import Goal
from edgeprune.stages.layer_cost import InstructionCosts, LayerCosts, TileCosts

TILE = (16, 4)
M4 = Goal("cortex-m4", "balanced")


def network(kind: str, inputs: int, outputs: int, side: int = 8) -> Graph:
    """One layer on side x side x inputs."""
    config: dict[str, Any] = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same"}
    shape, weights = (side, side, outputs), {"kernel": np.ones((3, 3, inputs, outputs), np.float32)}
    if kind == "DepthwiseConv2D":
        config["depth_multiplier"] = 1
        shape, weights = (side, side, inputs), {"depthwise_kernel": np.ones((3, 3, inputs, 1), np.float32)}
    if kind == "Dense":
        weights = {"kernel": np.ones((inputs, outputs), np.float32)}
    source = Node("in", "InputLayer", (), (side, side, inputs), {}, {}, "in")
    if kind == "Dense":
        source, shape = Node("in", "InputLayer", (), (inputs,), {}, {}, "in"), (outputs,)
    layer = Node("layer", kind, ("in",), shape, config, weights, "layer")
    return Graph("net", (source, layer), ("in",), ("layer",))


def cost(costs: LayerCosts, kind: str, inputs: int, outputs: int) -> float:
    return costs.total(network(kind, inputs, outputs))


@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D", "Dense"])
def test_channels_up_to_a_whole_tile_cost_the_same(kind: str) -> None:
    costs = TileCosts(TILE)
    widths = [cost(costs, kind, 16 if kind != "DepthwiseConv2D" else n, n) for n in range(1, 50)]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4  # 1 to 16, to 32, to 48, and 49
    assert widths[15] == widths[0] < widths[16] == widths[31] < widths[32]


def test_inputs_are_read_four_at_a_time() -> None:
    costs = TileCosts(TILE)
    found = [cost(costs, "Conv2D", n, 16) for n in (1, 4, 5, 8, 16)]
    assert found[0] == found[1] < found[2] == found[3] < found[4]


def test_a_cost_by_hand() -> None:
    """64 places x 32 channels, each 9 x 4 products and 70 for the output; 50,000 for the call."""
    assert cost(TileCosts(TILE), "Conv2D", 3, 20) == 50_000 + 64 * 32 * (9 * 4 + 70)
    assert cost(TileCosts(TILE), "DepthwiseConv2D", 20, 20) == 50_000 + 64 * 32 * 15 * 9
    assert cost(TileCosts(TILE), "Dense", 10, 20) == 50_000 + 32 * (12 + 70)
    assert cost(TileCosts(TILE), "MaxPooling2D", 8, 8) == 50_000 + 40 * 64 * 8


def test_instructions_are_those_of_the_kernel_that_is_chosen() -> None:
    costs = InstructionCosts(M4)
    odd, even = (cost(costs, "Conv2D", n, 16) for n in (15, 16))
    assert odd / 15 > even / 16  # the kernel for the DSP extension takes channels in pairs
    assert cost(costs, "Conv2D", 16, 16) < cost(costs, "Conv2D", 32, 16) < cost(costs, "Conv2D", 64, 16)
