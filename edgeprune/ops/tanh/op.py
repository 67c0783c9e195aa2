"""TANH, int8 to int8: see lookup/q4.py for what is surprising in it."""

import numpy as np
import numpy.typing as npt

from edgeprune.ops import gemmlowp
from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.lookup import q4
from edgeprune.ops.lookup.q4 import Params, input_scale_is_not_tiny, read
from edgeprune.ops.lookup.table import lookup_call, reference_of
from edgeprune.ops.tanh.cases import cases
from edgeprune.ops.tanh.float32 import TANH_F32
from edgeprune.ops.tanh.int16 import TANH_S16
from edgeprune.tflite.graph import Node


def output_scale_is_fixed(p: Params) -> bool:
    """The output's scale must be 1/128 and its zero point 0."""
    return p.out_scale == 1 / 128 and p.out_zero_point == 0


def table(p: Params) -> npt.NDArray[np.int8]:
    """The output for each of `INT8_VALUES`."""
    return q4.table(p, gemmlowp.tanh, fraction_bits=7)


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table."""
    return lookup_call(table(p), p.elements, node)


TANH = Op(
    "TANH",
    read,
    (input_scale_is_not_tiny, output_scale_is_fixed),
    reference_of(table),
    kernel,
    cases,
    types=("int8",),
    others=(TANH_F32, TANH_S16),
)
