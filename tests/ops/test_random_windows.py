"""Convolutions and poolings of random shapes: TFLM, reference and C kernel agree bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from support.kernels import KernelProgram, Run, sanitizing_gcc
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.ops import OPS, evaluate
from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ConvOptions, DepthwiseConvOptions, Padding, PoolOptions

GRAPHS = 60
IN_SCALE = 0.025


def random_graph(op: str, rng: np.random.Generator) -> QuantGraph | None:
    """A network of `op`, None where the drawn window does not fit the drawn image."""
    in_h, in_w, window_h, window_w, stride_h, stride_w = rng.integers(1, [9, 9, 6, 6, 4, 4]).tolist()
    dilation_h, dilation_w = rng.integers(1, 4, 2).tolist() if "CONV" in op else (1, 1)
    padding: Padding = "SAME" if rng.random() < 0.6 else "VALID"
    out_h = window_output(padding, in_h, window_h, stride_h, dilation_h)
    out_w = window_output(padding, in_w, window_w, stride_w, dilation_w)
    if out_h < 1 or out_w < 1:
        return None
    groups, group_channels, multiplier = rng.integers(1, [4, 5, 4]).tolist()
    in_zero_point, out_zero_point = rng.integers(-128, 128, 2).tolist()
    strides = stride_h, stride_w
    if "CONV" not in op:
        source = activation((1, in_h, in_w, group_channels), IN_SCALE, in_zero_point)
        result = activation((1, out_h, out_w, group_channels), IN_SCALE, in_zero_point)
        return one_op(op, [source], result, PoolOptions(padding, *strides, window_h, window_w, "RELU6"))
    in_channels, channels = groups * group_channels, groups * multiplier
    if op == "CONV_2D":
        shape, axis = (channels, window_h, window_w, group_channels), 0
        options = ConvOptions(padding, *strides, dilation_h, dilation_w, "RELU6")
    else:
        channels = in_channels * multiplier
        shape, axis = (1, window_h, window_w, channels), 3
        options = DepthwiseConvOptions(padding, *strides, dilation_h, dilation_w, multiplier)
    scales = spread(rng, channels, 0.001, 0.1)
    source = activation((1, in_h, in_w, in_channels), IN_SCALE, in_zero_point)
    filters = random_filter(rng, shape, scales, axis)
    bias = random_bias(rng, channels, IN_SCALE, scales)
    result = activation((1, out_h, out_w, channels), 0.3, out_zero_point)
    return one_op(op, [source, filters, bias], result, options)


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_random_windows(op: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    drawn = [random_graph(op, rng) for _ in range(2 * GRAPHS)]
    graphs = [graph for graph in drawn if graph is not None][:GRAPHS]
    assert len(graphs) == GRAPHS
    runs, expected = [], []
    for number, graph in enumerate(graphs):
        shape = graph.tensors[graph.inputs[0]].shape
        image = rng.integers(-128, 128, shape, dtype=np.int8)
        (wanted,) = tflm(write(graph), [image])
        (got,) = evaluate(graph, [image])
        assert np.array_equal(wanted, got), graph.nodes[0].options
        runs.append(Run(number, (image,)))
        expected.append(wanted)
    cases = [Case(str(number), graph) for number, graph in enumerate(graphs)]
    outputs = KernelProgram(OPS[op], cases, tmp_path, sanitizing_gcc()).outputs(runs)
    for graph, wanted, (data,) in zip(graphs, expected, outputs, strict=True):
        assert wanted.tobytes() == data, graph.nodes[0].options
