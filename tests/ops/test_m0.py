"""Kernels for Armv6-M: what they assume is proved, and they equal the references on a virtual core."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ops.test_random_windows import random_graph
from support.tools import require_module

from edgeprune.errors import InternalError
from edgeprune.memory.check import check_plan
from edgeprune.memory.plan import Buffer
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import OPS, bind, evaluate, merge
from edgeprune.ops.add.m0 import ADD_M0
from edgeprune.ops.base import Op
from edgeprune.ops.builder import activation, constant, one_op, per_channel
from edgeprune.ops.conv_cases import random_bias, random_filter, spread
from edgeprune.ops.convolution import Requantization
from edgeprune.ops.cores import Goal
from edgeprune.ops.fixedpoint import quantize_multipliers
from edgeprune.ops.m0.requantize import SIGN_BITS, Fitted, fit, record_words
from edgeprune.ops.m0.runs import MOST_STEPS, STEP_BYTES, cut
from edgeprune.ops.overlap import SAME_PLACE
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import (
    ArithmeticOptions,
    ConvOptions,
    DepthwiseConvOptions,
    FullyConnectedOptions,
)
from edgeprune.tflite.read import read

M0 = Goal("cortex-m0plus")
VARIED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB")


def variant(op: Op[Any]) -> Any:
    (found,) = (v for v in op.variants if v.needs == "armv6m")
    return found


# --- requantisation


def as_the_core_computes(x: npt.NDArray[np.int64], fitted: Fitted) -> npt.NDArray[np.int64]:
    """EP_M0_REQUANTIZE in 64 bits, checking that 32 are enough; x as (..., channels), offset included."""
    a, b, c, top, shift = (fitted.records[name].astype(np.int64) for name in ("a", "b", "c", "top", "shift"))
    low = x * c
    middle = (low >> fitted.bits) + x * b
    high = (middle >> fitted.bits) + x * a
    if fitted.is_signed:
        high -= (x < 0).astype(np.int64) << SIGN_BITS
    high += top
    for step in (low, middle, high):
        assert step.min() >= -(1 << 31) and step.max() < 1 << 31
    outputs: npt.NDArray[np.int64] = np.clip(high >> shift, -128, 127)
    return outputs


def requantization(rng: np.random.Generator, channels: int) -> Requantization:
    factors = np.exp(rng.uniform(np.log(2e-4), np.log(0.4), channels))
    multiplier, shift = quantize_multipliers(factors.tolist())
    low, high = sorted(rng.choice(np.arange(-128, 128), 2, replace=False).tolist())
    act_min, act_max = (-128, 127) if rng.random() < 0.5 else (low, high)
    return Requantization(multiplier, shift, int(rng.integers(-128, 128)), act_min, act_max)


@pytest.mark.parametrize("reach_bits", [8, 14, 17, 19, 20])
def test_fitted_lines_pass_through_every_step(reach_bits: int) -> None:
    rng = np.random.default_rng(reach_bits)
    found = 0
    for _ in range(40):
        how = requantization(rng, 6)
        ends = rng.integers(-(1 << reach_bits), 1 << reach_bits, (2, 6))
        low, high = ends.min(axis=0), ends.max(axis=0)
        fitted = fit(low, high, np.zeros(6, np.int64), how)
        if fitted is None:
            continue
        found += 1
        everywhere = rng.integers(low, high + 1, (2000, 6))
        near_zero = np.clip(np.arange(-2000, 2000)[:, np.newaxis], low, high)
        x = np.concatenate([everywhere, near_zero, low[np.newaxis], high[np.newaxis]])
        offset = fitted.records["bias"].astype(np.int64)
        got = as_the_core_computes(np.where(fitted.is_constant, 0, x + offset), fitted)
        assert (np.clip(got, how.act_min, how.act_max) == how.apply(x)).all()
    assert found >= 30


def test_channels_that_never_change_are_told_apart() -> None:
    multiplier, shift = quantize_multipliers([1e-6, 0.01])
    how = Requantization(multiplier, shift, 7, -128, 127)
    fitted = fit(np.array([-500, -500]), np.array([500, 500]), np.zeros(2, np.int64), how)
    assert fitted is not None
    assert fitted.is_constant.tolist() == [True, False]
    assert fitted.records["top"][0] >> 16 == 7


def test_records_are_sixteen_bytes_in_the_order_of_c() -> None:
    multiplier, shift = quantize_multipliers([0.01])
    how = Requantization(multiplier, shift, 0, -128, 127)
    fitted = fit(np.array([-500]), np.array([500]), np.array([1000]), how)
    assert fitted is not None
    words = record_words(fitted.records)
    assert words.shape == (1, 4)
    (record,) = fitted.records
    assert words[0, 0] == record["bias"]
    assert words[0, 2] & 0xFFFF == record["a"]
    assert words[0, 3] & 0xFFFF == record["c"]
    assert words[0, 3] >> 16 & 0xFF == record["shift"]


# --- runs


def test_runs_hold_all_weights_and_never_overflow() -> None:
    rng = np.random.default_rng(5)
    spreads = (3, 30, 80, 200)
    filters = np.stack([np.clip(rng.normal(0, s, 90), -128, 127).astype(np.int8) for s in spreads])
    filters = np.concatenate([filters, np.full((1, 90), -128, np.int8), np.full((1, 90), 127, np.int8)])
    left_out = np.array([False, True, False, False, False, False])
    runs = cut(filters, left_out, piece_bits=11)
    stream, at = runs.stream, 0
    for weights, count, is_out in zip(filters, runs.counts, left_out, strict=True):
        assert (count == 0) == is_out
        decoded: list[int] = []
        for _ in range(count):
            length = MOST_STEPS - int(stream[at].view(np.uint8)) // STEP_BYTES
            run = stream[at + 1 : at + 1 + length].astype(np.int64)
            for x in (np.where(run > 0, 127, -128), np.where(run > 0, -128, 127)):
                assert 0 <= (run * x).sum() + (1 << 15) + 11 < 1 << 16
            decoded += run.tolist()
            at += 1 + length
        assert decoded == ([] if is_out else weights.tolist())
    assert at == len(stream) - 1


# --- kernels


def random_dense(rng: np.random.Generator) -> QuantGraph:
    rows, depth, channels = rng.integers(1, [4, 40, 20]).tolist()
    scales = spread(rng, channels, 0.001, 0.05)
    zero_point = int(rng.integers(-128, 128))
    source = activation((rows, depth), 0.05, zero_point)
    filters = random_filter(rng, (channels, depth), scales, axis=0)
    bias = random_bias(rng, channels, 0.05, scales)
    result = activation((rows, channels), 0.4, int(rng.integers(-128, 128)))
    return one_op("FULLY_CONNECTED", [source, filters, bias], result, FullyConnectedOptions())


def random_sum(rng: np.random.Generator) -> QuantGraph:
    shape = tuple(rng.integers(1, 9, 3).tolist())
    a, b, out = (
        activation(shape, float(rng.uniform(0.01, 0.2)), int(rng.integers(-128, 128))) for _ in range(3)
    )
    return one_op("ADD" if rng.random() < 0.7 else "SUB", [a, b], out, ArithmeticOptions())


def random_window3(rng: np.random.Generator) -> QuantGraph:
    """A depthwise convolution with the window that the kernel is made for."""
    in_h, in_w, channels, multiplier, stride = rng.integers(1, [14, 14, 7, 3, 3]).tolist()
    out_channels = channels * multiplier
    scales = spread(rng, out_channels, 0.001, 0.1)
    source = activation((1, in_h, in_w, channels), 0.025, int(rng.integers(-128, 128)))
    filters = random_filter(rng, (1, 3, 3, out_channels), scales, axis=3)
    bias = random_bias(rng, out_channels, 0.025, scales)
    shape = (1, -(-in_h // stride), -(-in_w // stride), out_channels)
    result = activation(shape, 0.3, int(rng.integers(-128, 128)))
    options = DepthwiseConvOptions("SAME", stride, stride, depth_multiplier=multiplier)
    return one_op("DEPTHWISE_CONV_2D", [source, filters, bias], result, options)


def random_convolution(rng: np.random.Generator) -> QuantGraph:
    while (graph := random_graph("CONV_2D", rng)) is None:
        pass
    return graph


def random_depthwise(rng: np.random.Generator) -> QuantGraph:
    while (graph := random_graph("DEPTHWISE_CONV_2D", rng)) is None:
        pass
    return graph


@pytest.mark.parametrize(
    "draw", [random_convolution, random_depthwise, random_window3, random_dense, random_sum]
)
def test_random_networks_on_the_core(draw: Any) -> None:
    require_module("unicorn")
    from ops.test_cores import Touching, random_array

    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(17)
    graphs = [draw(rng) for _ in range(60)]
    fitting = [g for g in graphs if variant(OPS[g.nodes[0].op]).fits(bind(g)[0].params)]
    assert len(fitting) >= 15
    merged = merge(fitting)
    model = CoreModel(merged, M0, planner=Touching())
    for _ in range(3):
        inputs = [random_array(merged.tensors[i], rng) for i in merged.inputs]
        for wanted, got in zip(evaluate(merged, inputs), model.run(inputs), strict=True):
            assert wanted.tobytes() == got.tobytes()


@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"])
def test_every_accumulator_around_zero_rounds_right(op: str) -> None:
    """Accumulators 127 * a + b with all inputs: a step that is off by one shows, above zero or below."""
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    scales = [0.02, 0.013, 0.0077, 0.031]
    result = activation((1 << 16, 4) if op == "FULLY_CONNECTED" else (1, 256, 256, 4), 1.7, 3)
    values = np.stack(np.meshgrid(*[np.arange(-128, 128, dtype=np.int8)] * 2, indexing="ij"), axis=-1)
    options: Any = {
        "CONV_2D": ConvOptions("VALID"),
        "FULLY_CONNECTED": FullyConnectedOptions(),
        "DEPTHWISE_CONV_2D": DepthwiseConvOptions("SAME", depth_multiplier=4),
    }[op]
    if op == "DEPTHWISE_CONV_2D":  # a column for b, then one for a
        taps = np.zeros((1, 3, 3, 4), np.int8)
        taps[0, 1, 1], taps[0, 1, 2] = 127, 1
        filters = constant(taps, per_channel(scales, 3))
        shape: tuple[int, ...] = (1, 256, 512, 1)
        values = values.reshape(256, 512, 1)
        result = activation((1, 256, 512, 4), 1.7, 3)
    else:
        weights = np.tile(np.array([127, 1], np.int8), (4, 1))
        weights = weights.reshape(4, 1, 1, 2) if op == "CONV_2D" else weights
        filters = constant(weights, per_channel(scales, 0))
        shape = (1, 256, 256, 2) if op == "CONV_2D" else (1 << 16, 2)
    graph = one_op(op, [activation(shape, 0.9), filters], result, options)
    kernel = variant(OPS[op]).kernel(bind(graph)[0].params, graph.nodes[0])
    assert "signed" in kernel.kernel
    inputs = [values.reshape(shape)]
    (got,), (wanted,) = CoreModel(graph, M0).run(inputs), evaluate(graph, inputs)
    assert (got == wanted).all()


def test_the_plane_of_add_is_right_for_all_pairs_of_inputs() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    pairs = np.meshgrid(values, values, indexing="ij")
    shape = (256, 256)
    a, b, out = activation(shape, 0.03, 5), activation(shape, 0.05, -20), activation(shape, 0.07, -128)
    graph = one_op("ADD", [a, b], out, ArithmeticOptions("RELU"))
    (bound,) = bind(graph)
    assert ADD_M0.fits(bound.params)
    fields: dict[str, Any] = {f.name: f.value for f in ADD_M0.kernel(bound.params, bound.node).params}
    wide_a, wide_b = (pair.astype(np.int64) for pair in pairs)
    sums = wide_a * fields["factor_a"] + wide_b * fields["factor_b"] + fields["constant"]
    assert np.abs(sums).max() < 1 << 31
    got = np.clip(sums >> fields["shift"], fields["act_min"], fields["act_max"])
    (wanted,) = evaluate(graph, pairs)
    assert (got == wanted).all()


# --- memory


def test_a_channel_by_channel_kernel_works_in_its_input() -> None:
    graph = random_window3(np.random.default_rng(2))
    while (w := bind(graph)[0].params.window).positions < 20 or w.stride_h > 1 or w.in_h != w.out_h:
        graph = random_window3(np.random.default_rng(w.in_h * 100 + w.in_w))
    bound = bind(graph)[0]
    kernel = variant(bound.op).kernel(bound.params, bound.node)
    wanted = SAME_PLACE if bound.params.multiplier == 1 else 0
    assert min(lag for _, lag in kernel.lags) >= wanted


def test_buffers_that_share_a_place_begin_at_the_same_byte() -> None:
    first = Buffer("in", 96, 0, 2)
    second = Buffer("out", 96, 1, 3, over=(("in", SAME_PLACE),))
    third = Buffer("next", 64, 2, 4, over=(("out", 16),))
    for planner in PLANNERS:
        plan = planner.plan([first, second, third], 16)
        assert plan.offsets[first] == plan.offsets[second]
    for at in (16, 80):
        with pytest.raises(InternalError, match="overlap"):
            check_plan([first, second], {first: at, second: 0}, 16, 192)
    check_plan([first, second], {first: 0, second: 0}, 16, 96)


# --- counts


@pytest.mark.parametrize(
    ("model", "most_millions"),
    [
        ("ic/pretrainedResnet_quant", 33.0),
        ("kws/kws_ref_model", 9.7),
        ("vww/vww_96_int8", 18.8),
        ("ad/ad01_int8", 0.95),
    ],
)
def test_mlperf_tiny_on_the_core(model: str, most_millions: float, shared_data: Path) -> None:
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    graph = read((shared_data / "mlperf_tiny" / f"{model}.tflite").read_bytes())
    core = CoreModel(graph, M0)
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs]
    outputs = core.run(inputs, count=True)
    assert [o.tobytes() for o in outputs] == [o.tobytes() for o in evaluate(graph, inputs)]
    assert sum(layer.instructions for layer in core.counts) < most_millions * 1e6
    running = [bound for bound in bind(graph) if not bound.op.is_alias]
    for kind in VARIED:
        pairs = [
            (variant(bound.op).instructions(bound.params), layer.instructions)
            for bound, layer in zip(running, core.counts, strict=True)
            if bound.op.name == kind and variant(bound.op).fits(bound.params)
        ]
        if pairs:
            stated, counted = np.array(pairs).sum(axis=0)
            assert stated == pytest.approx(counted, rel=0.05), kind
        for one_stated, one_counted in pairs:
            assert one_stated == pytest.approx(one_counted, rel=0.15), kind
