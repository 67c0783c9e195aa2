"""FULLY_CONNECTED for cores with the DSP extension: filters packed as ops/dsp/pack.py says."""

from functools import cache
from typing import TYPE_CHECKING

from edgeprune.ops.base import KernelCall, Variant
from edgeprune.ops.dsp.pack import Matrix, fold, read_matrix, rows_call, rows_instructions
from edgeprune.tflite.graph import Node

if TYPE_CHECKING:
    from edgeprune.ops.fully_connected.op import Params


@cache
def matrix(p: "Params") -> Matrix:
    """The filters of `p`."""
    return read_matrix(fold(p.filters, p.folded_bias, 0, p.requantization))


def fits(p: "Params") -> bool:
    """Filters without a zero point whose requantization the cores can do."""
    return not any(p.filter_zero_points) and matrix(p).fits


def kernel(p: "Params", node: Node) -> KernelCall:
    """The call of the kernel; weights and biases are in its params."""
    return rows_call(matrix(p), p.rows, p.depth, node)


def instructions(p: "Params") -> float:
    """By the shape alone."""
    return rows_instructions(matrix(p), p.rows, p.depth)


FULLY_CONNECTED_DSP = Variant("dsp", "dsp", fits, kernel, instructions)
