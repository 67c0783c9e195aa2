"""QUANTIZE between integers of which one is wider than a byte: one factor, rounded as everywhere."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgeprune.ops.base import Case, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import dtype_range, quantize_multiplier
from edgeprune.ops.operands import Operands
from edgeprune.ops.rescale.rescale import Rescale, kernel, reference, scales_are_near
from edgeprune.tflite.graph import Node, QuantGraph


def read_rescale(operands: Operands) -> Rescale:
    """The parameters of a node from integers to integers, each with one scale; raises ModelError."""
    x, out = operands.one_scale(operands.input(0)), operands.one_scale(operands.output())
    factor = quantize_multiplier(x.scale / out.scale)
    bounds = dtype_range(out.dtype)
    return Rescale(x.shape, x.dtype, out.dtype, x.zero_point, factor, factor, out.zero_point, *bounds)


def quantize_from(dtype: str, to: Sequence[str], scales: Sequence[tuple[str, float, float]]) -> Op[Rescale]:
    """QUANTIZE from integers of type `dtype`; a case for each of `scales` (name, input's, output's)."""

    def read(graph: QuantGraph, node: Node) -> Rescale:
        operands = Operands(graph, node)
        operands.count(1, 1)
        x, out = operands.input(0), operands.output()
        operands.same_shape(x, out)
        if x.dtype != dtype or out.dtype not in to:
            raise operands.error(f"{x.dtype} to {out.dtype} is not supported")
        return read_rescale(operands)

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for out_dtype in to:
            for name, scale, out_scale in scales:
                zero_point = 3 if out_dtype == "int8" else 0
                x = activation((1, 7, 8, 5), scale, 0, dtype)
                out = activation((1, 7, 8, 5), out_scale, zero_point, out_dtype)
                yield Case(f"{out_dtype}_{name}", one_op("QUANTIZE", [x], out))

    return Op("QUANTIZE", read, (scales_are_near,), reference, kernel, cases, types=(dtype,))
