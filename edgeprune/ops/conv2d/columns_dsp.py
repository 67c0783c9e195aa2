"""CONV_2D that gathers only the inputs that filters read, for cores with the DSP extension.

What dead columns are is told in columns.py. Here those count as well that only filters of constant
outputs read.

Cost:    a gathered pair of inputs of two pixels takes 5 to 8 instructions, its products 12 for each four
         filters; a list takes 4 bytes for each input, or 10 where windows reach beyond the image
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall, Variant
from edgeprune.ops.conv2d.dsp import fits as is_dense_fit
from edgeprune.ops.conv2d.dsp import leaves_image, matrix
from edgeprune.ops.convolution import Int32Array
from edgeprune.ops.dsp.gather import Gather, find_gather
from edgeprune.ops.dsp.pack import clamping
from edgeprune.ops.overlap import window_lag
from edgeprune.ops.window import Window
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params


ROW, COPIED_ROW, COPIED_WORD, ALONE = 107, 238, 5, 200
"""Instructions of the C around the assembly, fitted to counts: for each row of outputs, row of a patch, word
of it, and pixel that is not one of two neighbours of a row."""


@cache
def gather(p: "Params") -> Gather:
    """The inputs of the window that some filter reads."""
    w = p.window
    run = p.in_channels * (w.window_w if w.dilation_w == 1 else 1)
    is_read = np.asarray(matrix(p).filters.weights.any(axis=0))
    return find_gather(is_read, run, is_even=w.positions % 2 == 1)


def fits(p: "Params") -> bool:
    """Where the dense kernel could run, and some input of the window is read by no filter."""
    return is_dense_fit(p) and not matrix(p).filters.weights.any(axis=0).all()


def patch_w(w: Window) -> int:
    """Taps in a row of what is copied where a window leaves the image: those of two neighbours, if near."""
    return w.window_w + w.stride_w if w.dilation_w == 1 and w.stride_w <= w.window_w else w.window_w


def last_inside(w: Window) -> tuple[int, int]:
    """Row and column where the last window that stays in the image begins; negative where none does."""
    height, width = (w.window_h - 1) * w.dilation_h + 1, (w.window_w - 1) * w.dilation_w + 1
    return w.in_h - height, w.in_w - width


def lists(p: "Params") -> tuple[Int32Array, Int32Array]:
    """Offsets in the image and in a patch, in bytes from the window's first input."""
    w, starts = p.window, gather(p).starts
    taps, channels = starts // p.in_channels, starts % p.in_channels
    rows, columns = taps // w.window_w, taps % w.window_w
    in_image = rows * w.dilation_h * w.in_w + columns * w.dilation_w
    in_patch = rows * patch_w(w) + columns
    both = (pixels * p.in_channels + channels for pixels in (in_image, in_patch))
    first, second = (offsets.astype(np.int32) for offsets in both)
    return first, second


def outside(p: "Params") -> npt.NDArray[np.uint16]:
    """For each column of taps where its inputs are in what is gathered, as the kernel's params say."""
    at = np.flatnonzero(np.array(gather(p).order) >= 0)
    columns = np.array(gather(p).order)[at] // p.in_channels % p.window.window_w
    counts = np.bincount(columns, minlength=p.window.window_w)
    starts = p.window.window_w + 1 + np.concatenate([[0], np.cumsum(counts)])
    places = at // 2 * 4 + at % 2
    return np.concatenate([starts, places[np.argsort(columns, kind="stable")]]).astype(np.uint16)


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights, biases and lists are in its params."""
    order, m, w = gather(p).order, matrix(p), p.window
    in_image, in_patch = lists(p)
    is_copied = leaves_image(w)
    quads, twins, pairs = gather(p).counts
    last_top, last_left = last_inside(w)
    fields = (
        *w.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "gather.quads", quads),
        Field("int32_t", "gather.twins", twins),
        Field("int32_t", "gather.pairs", pairs),
        Field("int32_t", "list", Constant(in_image)),
        Field("int32_t", "patch_list", Constant(in_patch) if is_copied else None),
        Field("int32_t", "patch_w", patch_w(w)),
        Field("int32_t", "last_top", last_top),
        Field("int32_t", "last_left", last_left),
        Field("int32_t", "last_pixel", last_pixel(w)),
        Field("uint16_t", "outside", Constant(outside(p)) if is_copied else None),
        *m.c_fields(order),
    )
    patch_bytes = w.window_h * patch_w(w) * p.in_channels if is_copied else 0
    return KernelCall(
        "ep_conv2d_columns_s8_dsp",
        fields,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=4 * len(order) + m.results_bytes + patch_bytes,
        lags=((0, window_lag(w, p.in_channels, p.out_channels, together=2, copied=True)),),
    )


def instructions(p: "Params") -> float:
    """By the shape and the lists; what is not counted in the assembly is fitted."""
    w, g, m = p.window, gather(p), matrix(p)
    pairs, copied = neighbours(w)
    patch_words = w.window_h * patch_w(w) * p.in_channels / 4
    return (
        60
        + m.instructions(len(g.order) // 2, w.positions)
        + w.positions // 2 * g.instructions_two
        + copied * (COPIED_ROW * w.window_h + COPIED_WORD * patch_words)
        + (w.positions - 2 * pairs) * ALONE
        + ROW * w.out_h
        + clamping(p.requantization, w.positions * p.out_channels)
    )


def neighbours(w: Window) -> tuple[int, int]:
    """Pairs of neighbours of a row, and those of them that are gathered from a patch."""
    last_top, last_left = last_inside(w)
    top = np.arange(w.out_h) * w.stride_h - w.pad_top
    left = np.arange(w.out_w) * w.stride_w - w.pad_left
    rows = (top >= 0) & (top <= last_top)
    columns = (left >= 0) & (left <= last_left)
    first = np.arange(0, w.positions - 1, 2)
    first = first[first % w.out_w + 1 < w.out_w]
    y, x = first // w.out_w, first % w.out_w
    at = top[y] * w.in_w + left[x]
    is_inside = rows[y] & columns[x] & columns[np.minimum(x + 1, w.out_w - 1)]
    is_filled = rows[y] & (at >= 0) & (at <= last_pixel(w))
    return len(first), int((~is_inside & ~is_filled).sum())


def last_pixel(w: Window) -> int:
    """The last pixel of the image that two windows may begin at to end in its memory, in whatever row."""
    last_top, last_left = last_inside(w)
    return last_top * w.in_w + last_left - w.stride_w


CONV_2D_COLUMNS_DSP = Variant("columns dsp", "dsp", fits, kernel, instructions)
