"""RESIZE_BILINEAR in float32: TFLM's places, weights and order of operations."""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.operands import Operands
from edgeprune.ops.resize_bilinear.cases import cases
from edgeprune.ops.resize_bilinear.geometry import (
    Places,
    Resize,
    fields_of,
    modes_exclude_each_other,
    read_resize,
    size_is_the_output,
)
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Resize:
    """The parameters of `node`."""
    return read_resize(Operands(graph, node), "float32")


def places_are_inside(r: Resize) -> bool:
    """The output must not be so large that TFLM's rounding reaches past the end of the input."""
    return all(places(r, axis).are_inside(r.shape[axis]) for axis in (1, 2))


def places(r: Resize, axis: int) -> Places:
    """Where each index of the output along `axis` lies."""
    extent, out = r.shape[axis], r.out_shape[axis]
    if r.options.align_corners and out > 1:
        extent, out = extent - 1, out - 1
    step = np.float32(extent) / np.float32(out)
    indices = np.arange(r.out_shape[axis], dtype=np.float32)
    half = np.float32(0.5)
    scaled = (indices + half) * step - half if r.options.half_pixel_centers else indices * step
    lower = np.maximum(np.floor(scaled).astype(np.int64), 0)
    upper = np.minimum(np.ceil(scaled).astype(np.int64), r.shape[axis] - 1)
    return Places(lower, np.maximum(upper, 0), scaled - lower.astype(np.float32))


def reference(r: Resize, inputs: Sequence[Array | None]) -> list[Array]:
    """The four neighbours by their weights, in TFLM's order."""
    x = np.asarray(inputs[0], np.float32)
    rows, columns = places(r, 1), places(r, 2)
    one = np.float32(1)
    down = rows.weight.astype(np.float32)[:, np.newaxis, np.newaxis]
    right = columns.weight.astype(np.float32)[:, np.newaxis]
    top, bottom = x[:, rows.lower], x[:, rows.upper]
    with np.errstate(all="ignore"):
        total = top[:, :, columns.lower] * (one - down) * (one - right)
        total = total + bottom[:, :, columns.lower] * down * (one - right)
        total = total + top[:, :, columns.upper] * (one - down) * right
        total = total + bottom[:, :, columns.upper] * down * right
        return [total + np.float32(0)]


def kernel(r: Resize, node: Node) -> KernelCall:
    """The portable kernel, with places and weights in flash."""
    fields = fields_of(r, places(r, 1), places(r, 2), "float")
    return KernelCall("ep_resize_bilinear_f32", fields, node.inputs[:1], node.outputs)


RESIZE_BILINEAR_F32 = Op(
    "RESIZE_BILINEAR",
    read,
    (size_is_the_output, modes_exclude_each_other, places_are_inside),
    reference,
    kernel,
    float_cases(cases),
    types=("float32",),
)
