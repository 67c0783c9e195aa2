"""RESIZE_BILINEAR, int8: places and weights in 1/1024 of a pixel, which the host computes.

TFLM rounds the step from pixel to pixel to 1/1024, so that the last places of a large output may lie
past the input's end, where it reads other memory: a rule refuses that. Input and output scales are not
compared.
"""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.resize_bilinear.cases import cases
from edgeprune.ops.resize_bilinear.float32 import RESIZE_BILINEAR_F32
from edgeprune.ops.resize_bilinear.geometry import (
    Places,
    Resize,
    fields_of,
    modes_exclude_each_other,
    read_resize,
    size_is_the_output,
)
from edgeprune.tflite.graph import Array, Node, QuantGraph

ONE = 1 << 10
"""The weight of a whole pixel."""


def read(graph: QuantGraph, node: Node) -> Resize:
    """The parameters of `node`."""
    return read_resize(Operands(graph, node), "int8")


def places_are_inside(r: Resize) -> bool:
    """The output must not be so large that TFLM's rounding reaches past the end of the input."""
    return all(places(r, axis).are_inside(r.shape[axis]) for axis in (1, 2))


def places(r: Resize, axis: int) -> Places:
    """Where each index of the output along `axis` lies; weights are in units of 1 / ONE."""
    extent, out = r.shape[axis], r.out_shape[axis]
    if r.options.align_corners and out > 1:
        extent, out = extent - 1, out - 1
    step = (ONE * extent + out // 2) // out
    scaled = np.arange(r.out_shape[axis], dtype=np.int64) * step
    if r.options.half_pixel_centers:
        scaled += step // 2 - ONE // 2
    lower = np.maximum(scaled // ONE, 0)
    upper = np.minimum(-(-scaled // ONE), r.shape[axis] - 1)
    return Places(lower, np.maximum(upper, 0), scaled - ONE * lower)


def reference(r: Resize, inputs: Sequence[Array | None]) -> list[Array]:
    """The four neighbours by their weights, halves rounded away from 0."""
    x = np.asarray(inputs[0], np.int64)
    rows, columns = places(r, 1), places(r, 2)
    down = rows.weight.astype(np.int64)[:, np.newaxis, np.newaxis]
    right = columns.weight.astype(np.int64)[:, np.newaxis]
    top, bottom = x[:, rows.lower], x[:, rows.upper]
    left = top[:, :, columns.lower] * (ONE - down) + bottom[:, :, columns.lower] * down
    after = top[:, :, columns.upper] * (ONE - down) + bottom[:, :, columns.upper] * down
    total = left * (ONE - right) + after * right
    rounded = (np.abs(total) + ONE * ONE // 2) // (ONE * ONE)
    return [(np.sign(total) * rounded).astype(np.int8)]


def kernel(r: Resize, node: Node) -> KernelCall:
    """The portable kernel, with places and weights in flash."""
    fields = fields_of(r, places(r, 1), places(r, 2), "int16_t")
    return KernelCall("ep_resize_bilinear_s8", fields, node.inputs[:1], node.outputs)


RESIZE_BILINEAR = Op(
    "RESIZE_BILINEAR",
    read,
    (size_is_the_output, modes_exclude_each_other, places_are_inside),
    reference,
    kernel,
    cases,
    types=("int8",),
    others=(RESIZE_BILINEAR_F32,),
)
