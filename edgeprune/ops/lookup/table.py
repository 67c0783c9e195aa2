"""Operators that map each byte to a byte: one table of 256 bytes in flash, computed on the host.

RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH and QUANTIZE between 8-bit types are such functions. Their
`table` is their meaning, so the reference and the kernel both look it up; that the table is TFLM's
is tested on all 256 inputs.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.tflite.graph import Array, Node

P = TypeVar("P")

INT8_VALUES = np.arange(256).astype(np.uint8).view(np.int8)
"""Every int8 in the order of a table: 0 to 127, then -128 to -1."""


def reference_of(table: Callable[[P], Array]) -> Callable[[P, Sequence[Array | None]], list[Array]]:
    """The reference of an operator whose only input goes through `table`."""

    def reference(params: P, inputs: Sequence[Array | None]) -> list[Array]:
        x = inputs[0]
        assert x is not None
        return [table(params)[x.view(np.uint8)]]

    return reference


def lookup_call(table: Array, elements: int, node: Node) -> KernelCall:
    """The kernel call that sends each of `elements` bytes through `table`."""
    fields = (
        Field("int32_t", "count", elements),
        Field("uint8_t", "table", Constant(np.ascontiguousarray(table).view(np.uint8))),
    )
    return KernelCall("ep_lookup_x8", fields, node.inputs, node.outputs, lags=((0, 0),))


def int8_table(values: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """The table of `values`, one for each of `INT8_VALUES`, clamped to int8."""
    return np.clip(np.asarray(values, np.int64), -128, 127).astype(np.int8)
