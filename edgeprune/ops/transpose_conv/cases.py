"""Networks of one TRANSPOSE_CONV."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import Activation, Padding, TransposeConvOptions

SCALES_ONLY = (
    "scale_for_the_whole_filter",
    "zero_points_lowest",
    "zero_points_highest",
    "multipliers_above_1",
)


@dataclass(frozen=True)
class Layout:
    """Sizes of one network; the input's follow from the output's unless they are given."""

    out_h: int = 6
    out_w: int = 7
    window_h: int = 3
    window_w: int = 3
    stride_h: int = 2
    stride_w: int = 2
    padding: Padding = "SAME"
    in_channels: int = 3
    out_channels: int = 4
    in_h: int = 0
    in_w: int = 0

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        height = self.in_h or window_output(self.padding, self.out_h, self.window_h, self.stride_h)
        width = self.in_w or window_output(self.padding, self.out_w, self.window_w, self.stride_w)
        return 1, height, width, self.in_channels


LAYOUTS = {
    "doubled": Layout(),
    "doubled_valid": Layout(7, 9, padding="VALID"),
    "not_doubled": Layout(stride_h=1, stride_w=1),
    "one_tap": Layout(window_h=1, window_w=1, stride_h=1, stride_w=1),
    "stride_longer_than_window": Layout(9, 10, 2, 1, 3, 4),
    "window_longer_than_image": Layout(3, 2, 5, 7, 1, 2),
    "even_window": Layout(8, 6, 4, 2),
    "one_row": Layout(1, 9, 1, 5, 1, 3),
    "one_pixel": Layout(4, 4, 4, 4, 4, 4),
    "one_channel": Layout(in_channels=1, out_channels=1),
    "many_channels": Layout(4, 4, in_channels=17, out_channels=9),
    # TFLM takes any input's size: the output ends early, or nothing reaches its end.
    "input_too_large": Layout(in_h=6, in_w=5),
    "input_too_small": Layout(in_h=1, in_w=2),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Strides, windows, paddings, sizes that do not belong together; scales, zero points, activations."""
    for name, layout in LAYOUTS.items():
        yield Case(name, network(rng, layout))
    yield Case("no_bias", network(rng, Layout(), with_bias=False))
    yield Case("scale_for_the_whole_filter", network(rng, Layout(), spread=False))
    yield Case("zero_points_lowest", network(rng, Layout(), zero_points=(-128, -128)))
    yield Case("zero_points_highest", network(rng, Layout(), zero_points=(127, 127)))
    yield Case("multipliers_above_1", network(rng, Layout(), out_scale=0.001))
    names: tuple[Activation, ...] = get_args(Activation)
    for fused in names[1:4]:
        yield Case(f"fused_{fused.lower()}", network(rng, Layout(), fused=fused))


def network(
    rng: np.random.Generator,
    layout: Layout,
    *,
    with_bias: bool = True,
    spread: bool = True,
    zero_points: tuple[int, int] = (-5, 9),
    out_scale: float = 0.7,
    fused: Activation = "NONE",
) -> QuantGraph:
    """One node; `spread` gives each output channel a scale of its own."""
    filters = (layout.out_channels, layout.window_h, layout.window_w, layout.in_channels)
    scales = [float(s) for s in rng.uniform(0.01, 0.08, layout.out_channels)]
    scaled = per_channel(scales, 0) if spread and layout.out_channels > 1 else per_tensor(0.04)
    size = np.array((1, layout.out_h, layout.out_w, layout.out_channels), np.int32)
    inputs = [
        constant(size),
        constant(rng.integers(-127, 128, filters).astype(np.int8), scaled),
        activation(layout.in_shape, 0.05, zero_points[0]),
    ]
    if with_bias:
        values = rng.integers(-3000, 3000, layout.out_channels).astype(np.int32)
        inputs.append(constant(values, per_tensor(0.05 * 0.04)))
    options = TransposeConvOptions(layout.padding, layout.stride_h, layout.stride_w, fused)
    out = activation(tuple(size.tolist()), out_scale, zero_points[1])
    return one_op("TRANSPOSE_CONV", inputs, out, options, version=3)
