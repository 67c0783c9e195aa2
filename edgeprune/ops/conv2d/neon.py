"""CONV_2D for 64-bit Arm: packed filters on rows or patches of the image, by NEON or by SDOT.

Channels that do not depend on the input are put in as constants, and inputs that no other channel reads are
left out of pixels and patches where that pays: networks that were pruned have many of both.
"""

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field, KernelCall, Variant
from edgeprune.ops.mve.pack import Live, find_live, is_free_of_wrapping
from edgeprune.ops.neon.collect import Collection, collect, collect_fields
from edgeprune.ops.neon.filters import DOT, NEON, Kind, Packed, pack, steps_of, two_fit
from edgeprune.ops.neon.pick import LANES, TABLE, Pick, pick, pick_fields
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

FROM_IMAGE, FROM_ROWS, FROM_PATCHES = range(3)
"""EP_FROM_... of ep_convolution_neon.h."""
TOGETHER = 8
"""Pixels whose patches are there at the same time."""
MOST_COLLECTED = 16384
"""Inputs of a window: beyond, the lists would be too long."""


@dataclass(frozen=True, eq=False)
class Layout:
    """How a convolution is done: where filters read, what they are, what is picked before and after."""

    window: Window
    source: int
    patch_bytes: int
    needed: Collection | None
    packed: Packed
    spread: Pick | None

    @property
    def is_whole_row(self) -> bool:
        """Whether filters run on all pixels of a row in one call."""
        return self.source != FROM_PATCHES and self.needed is None and self.spread is None


def window_of(p: "Params") -> Window:
    """The window; one pixel that leaves out none is done as if the image had one row."""
    w = p.window
    if w.taps == w.stride_h == w.stride_w == 1:
        return replace(w, in_h=1, in_w=w.positions, out_h=1, out_w=w.positions)
    return w


def folded_bias(p: "Params") -> npt.NDArray[np.int64]:
    """The bias with the input's zero point multiplied out."""
    weights = p.filters.reshape(p.out_channels, -1).astype(np.int64)
    folded: npt.NDArray[np.int64] = p.bias.astype(np.int64) - p.in_zero_point * weights.sum(axis=1)
    return folded


@cache
def live(p: "Params", block: int) -> Live:
    """The channels to compute: all, unless the others are worth a block."""
    weights = p.filters.reshape(p.out_channels, -1)
    found = find_live(weights, folded_bias(p), p.requantization)
    is_fewer = -(-len(found.channels) // block) < -(-p.out_channels // block)
    if p.out_channels < LANES or not is_fewer:
        return Live(np.arange(p.out_channels), found.constants)
    return found


def _spread(found: Live) -> Pick | None:
    """Computed channels to their places among all."""
    channels, count = len(found.constants), len(found.channels)
    if count == channels:
        return None
    sources = np.full(channels, -1)
    sources[found.channels] = np.arange(count)
    return pick(sources.tolist(), -(-count // TABLE) * TABLE, channels, found.constants)


@dataclass(frozen=True, eq=False)
class _Maker:
    """Makes layouts for the channels that are computed."""

    p: "Params"
    kind: Kind
    live: Live

    @property
    def filters(self) -> npt.NDArray[np.int8]:
        """(channels, window_h, window_w * in_channels)"""
        return self.p.filters[self.live.channels].reshape(len(self.live.channels), self.p.window.window_h, -1)

    def layout(
        self, source: int, weights: npt.NDArray[np.int8], needed: Collection | None = None
    ) -> Layout | None:
        """A layout with `weights` (channels, runs, run bytes); None where it is not possible."""
        is_exact = source == FROM_IMAGE and needed is None
        steps = steps_of(self.kind, weights.shape[2], is_exact=is_exact)
        if steps is None or (self.kind is NEON and not two_fit(weights, steps)):
            return None
        r, channels = self.p.requantization, self.live.channels
        part = replace(r, multiplier=r.multiplier[channels], shift=r.shift[channels])
        packed = pack(self.kind, weights, folded_bias(self.p)[channels], part, steps)
        patch_bytes = self.p.window.taps * self.p.in_channels if source == FROM_PATCHES else 0
        return Layout(window_of(self.p), source, patch_bytes, needed, packed, _spread(self.live))


@cache
def layouts(p: "Params", kind: Kind) -> list[Layout]:
    """All ways to do it."""
    make = _Maker(p, kind, live(p, kind.block))
    rows, w = make.filters, p.window
    flat = rows.reshape(len(rows), 1, -1)
    made = [make.layout(FROM_PATCHES, flat)]
    if w.taps == 1:
        made.append(make.layout(FROM_IMAGE, flat))
    elif w.dilation_w == 1:
        made.append(make.layout(FROM_ROWS, rows))
    needed = _needed(p, flat)
    if needed is not None:
        few = flat[:, :, flat.any(axis=(0, 1))]
        made.append(make.layout(FROM_IMAGE if w.taps == 1 else FROM_ROWS, few, needed))
    return [each for each in made if each is not None]


def _needed(p: "Params", flat: npt.NDArray[np.int8]) -> Collection | None:
    """The inputs that some filter reads; None where that is all, none, or too long a list."""
    w = p.window
    is_read = flat.any(axis=(0, 1)).reshape(w.window_h, w.window_w, p.in_channels)
    run_bytes = (w.dilation_w * (w.window_w - 1) + 1) * p.in_channels
    # In the image nothing may be read behind a pixel; behind the ring there is room.
    last = run_bytes - TABLE if w.taps == 1 else run_bytes
    if is_read.all() or not is_read.any() or last < 0 or is_read.sum() > MOST_COLLECTED:
        return None
    rows, columns, channels = np.nonzero(is_read)
    bytes_in_run = columns * w.dilation_w * p.in_channels + channels
    return collect(list(zip(rows.tolist(), bytes_in_run.tolist(), strict=True)), w.window_h, last)


@cache
def layout(p: "Params", kind: Kind) -> Layout:
    """The way that executes the fewest instructions."""
    return min(layouts(p, kind), key=lambda each: instructions_of(p, each))


def instructions_of(p: "Params", each: Layout) -> float:
    """What the layout executes, by its shape alone; fitted to counts."""
    w = each.window
    total = 195 + w.out_h * (53 if each.source == FROM_IMAGE else 53 + 21.0 * w.window_h)
    if each.source != FROM_IMAGE:
        total += _copying(w, p.in_channels)
    if each.is_whole_row:
        return total + w.out_h * each.packed.instructions(w.out_w)
    calls, rest = divmod(w.out_w, TOGETHER)
    row = calls * _some_pixels(p, each, TOGETHER) + (_some_pixels(p, each, rest) if rest else 0)
    return total + w.out_h * row


def _some_pixels(p: "Params", each: Layout, count: int) -> float:
    """What `count` pixels take that are not done with the whole row."""
    w = each.window
    total = 44 + 3.0 * w.window_h + each.packed.instructions(count)
    if each.source == FROM_PATCHES:
        pieces = w.window_h * (1 if w.dilation_w == 1 else w.window_w)
        vectors = -(-w.taps * p.in_channels // pieces // LANES)
        total += 15 * pieces + count * (7 + pieces * (0.7 + 8.3 * vectors))
    if each.needed is not None:
        total += each.needed.instructions(count)
    if each.spread is not None:
        total += count * each.spread.instructions
    return total


def _copying(w: Window, channels: int) -> float:
    """What the rows in the ring take."""
    reach_h, reach_w = w.reach
    row_bytes = reach_w * channels
    slots = (w.window_h - 1) * w.dilation_h + 1
    inside = min(w.in_h, reach_h) * (56 + 4.5 * w.in_w * channels / 32)
    return inside + slots * row_bytes / LANES + max(0, reach_h - w.in_h) * (40 + 5 * row_bytes / LANES)


def fits(kind: Kind, p: "Params") -> bool:
    """One group, results that cannot wrap, and sums of products that fit."""
    is_plain = p.groups == 1 and is_free_of_wrapping(p.requantization, p.largest_accumulator)
    return is_plain and bool(layouts(p, kind))


def kernel(kind: Kind, p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    chosen = layout(p, kind)
    w = chosen.window
    window = [Field("int32_t", f"convolution.{field.name}", field.value) for field in w.c_fields()]
    places, scratch_bytes = _scratch(p, chosen)
    scalars = {
        "in_channels": p.in_channels,
        "out_channels": p.out_channels,
        "in_zero_point": p.in_zero_point,
        "columns": w.reach[1],
        "source": chosen.source,
        "patch_step": _patch_step(chosen),
    }
    fields = (
        *chosen.packed.c_fields("convolution.filters"),
        *window,
        *(Field("int32_t", f"convolution.{name}", value) for name, value in scalars.items()),
        *collect_fields("convolution.needed", chosen.needed),
        *pick_fields("convolution.spread", chosen.spread),
        *(Field("int32_t", f"convolution.{name}", at) for name, at in places.items()),
    )
    lags = ((0, _lag(p, chosen)),)
    return KernelCall(f"ep_conv2d_s8_{kind.name}", fields, node.inputs[:1], node.outputs, scratch_bytes, lags)


def _scratch(p: "Params", chosen: Layout) -> tuple[dict[str, int], int]:
    """Where each part of the scratch is, and its size."""
    w = chosen.window
    is_ring = chosen.source != FROM_IMAGE
    slots = (w.window_h - 1) * w.dilation_h + 1
    sizes = {
        "ring_at": slots * w.reach[1] * p.in_channels + TABLE if is_ring else 0,
        "patches_at": TOGETHER * _patch_step(chosen) if chosen.source == FROM_PATCHES else 0,
        "needed_at": TOGETHER * chosen.needed.out_bytes + LANES if chosen.needed else 0,
        "results_at": TOGETHER * chosen.spread.in_bytes if chosen.spread else 0,
    }
    places, end = {}, _whole(8 * w.window_h)
    for name, size in sizes.items():
        places[name] = end
        end += _whole(size)
    return places, end


def _patch_step(chosen: Layout) -> int:
    """From a patch to the next; pieces are copied by whole vectors, and read so."""
    return _whole(chosen.patch_bytes) + LANES if chosen.source == FROM_PATCHES else 0


def _whole(size_bytes: int) -> int:
    return -(-size_bytes // LANES) * LANES


def _lag(p: "Params", chosen: Layout) -> int:
    """Rows are copied before their outputs are written; pixels in the image are read to the last filter."""
    w = chosen.window
    if chosen.source != FROM_IMAGE:
        return window_lag(w, p.in_channels, p.out_channels, together=w.out_w, copied=True)
    together = TOGETHER if w.out_h == 1 else w.out_w
    return window_lag(w, p.in_channels, p.out_channels, together=together)


def variant(kind: Kind, needs: str) -> "Variant[Params]":
    """CONV_2D by a kind of kernel."""

    def instructions(p: "Params") -> float:
        return instructions_of(p, layout(p, kind))

    return Variant(kind.name, needs, partial(fits, kind), partial(kernel, kind), instructions)


CONV_2D_NEON = variant(NEON, "neon")
CONV_2D_DOT = variant(DOT, "dotprod")
