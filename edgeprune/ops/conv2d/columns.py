"""Which inputs of a convolution's window are read, and the portable kernel that gathers only these.

Structured pruning makes the weights of all filters at one place (row, column, channel) of the window zero:
a dead column of im2col. The compiler finds such columns in the weights by itself. Kernels that know the
list of the others, shared by all filters, skip the dead ones, and store no weights for them:
columns_dsp.py, m0.py, columns_mve.py, and this one everywhere else.

Cost:    two bytes of flash for each live column and each tap; a live column takes some 9 instructions to
         gather for a pixel, a dead one saves some 3 for each filter
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.ops.overlap import window_lag
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.conv2d.op import Params

GATHERED, MULTIPLIED = 9, 3
"""Instructions of the portable kernels: to gather an input, to multiply it for one filter."""
LARGEST_PLACE = (1 << 16) - 1


@cache
def live_columns(p: "Params") -> npt.NDArray[np.int64]:
    """The columns (row, column, channel) of the window, flat, that some filter reads: at least one."""
    is_read = np.asarray(p.filters.reshape(p.out_channels, -1).any(axis=0))
    is_read[0] |= not is_read.any()
    return np.flatnonzero(is_read)


def tap_begins(p: "Params", columns: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    """For each tap, and the end, where its part of `columns` begins."""
    ends = np.arange(p.window.taps + 1) * p.in_channels
    return np.searchsorted(columns, ends).astype(np.uint16)


def pays(p: "Params") -> bool:
    """Whether the portable kernel has less to do when it leaves dead columns out."""
    if p.groups != 1 or max(p.in_channels, len(live_columns(p))) > LARGEST_PLACE:
        return False
    live = len(live_columns(p))
    dead = p.window.taps * p.in_channels - live
    return dead * p.out_channels * MULTIPLIED > live * GATHERED + p.window.taps * GATHERED


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the portable kernel; weights of live columns and biases are in its params."""
    live = live_columns(p)
    filters = np.ascontiguousarray(p.filters.reshape(p.out_channels, -1)[:, live])
    fields = (
        *p.window.c_fields(),
        Field("int32_t", "in_channels", p.in_channels),
        Field("int32_t", "out_channels", p.out_channels),
        Field("int32_t", "in_zero_point", p.in_zero_point),
        Field("int32_t", "depth", len(live)),
        Field("uint16_t", "list", Constant((live % p.in_channels).astype(np.uint16))),
        Field("uint16_t", "begin", Constant(tap_begins(p, live))),
        Field("int8_t", "filter", Constant(filters)),
        Field("int32_t", "bias", Constant(p.bias)),
        *p.requantization.c_fields(),
    )
    lags = ((0, window_lag(p.window, p.in_channels, p.out_channels, together=1, copied=True)),)
    return KernelCall("ep_conv2d_columns_s8", fields, node.inputs[:1], node.outputs, 2 * len(live), lags)
