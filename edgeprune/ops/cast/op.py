"""CAST between element types; quantized integers are cast as integers, their scales do not count.

Integers lose their high bits. Floats are cut toward zero and held within the other type's range; NaN
becomes 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import dtype_range
from edgeprune.ops.floats import float_tensor
from edgeprune.ops.operands import Operands
from edgeprune.ops.overlap import elementwise_lag
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

CODES = {"bool": 0, "int8": 1, "int16": 2, "int32": 3, "float32": 4}
"""The types of inputs, as in ep_cast_x32.h."""

OUTPUTS = ("int8", "int16", "int32", "float32")


@dataclass(frozen=True)
class Params:
    elements: int
    from_dtype: str
    to_dtype: str


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    operands.same_shape(x, out)
    if x.dtype not in CODES or out.dtype not in OUTPUTS:
        raise operands.error(f"{x.dtype} to {out.dtype} is not supported")
    if x.dtype == "float32":
        float_tensor(operands, x)
    return Params(x.elements, x.dtype, out.dtype)


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """Each element in the other type."""
    x = inputs[0]
    assert x is not None
    if p.from_dtype == "float32" and p.to_dtype != "float32":
        x = np.clip(np.where(np.isnan(x), 0, x).astype(np.float64), *dtype_range(p.to_dtype))
    return [x.astype(DTYPES[p.to_dtype])]


def kernel(p: Params, node: Node) -> KernelCall:
    """One kernel casts all types."""
    fields = (
        Field("int32_t", "count", p.elements),
        Field("int32_t", "from", CODES[p.from_dtype]),
        Field("int32_t", "to", CODES[p.to_dtype]),
    )
    lag = elementwise_lag(p.elements, DTYPES[p.from_dtype].itemsize, DTYPES[p.to_dtype].itemsize)
    return KernelCall("ep_cast_x32", fields, node.inputs, node.outputs, lags=((0, lag),))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every pair of types."""
    for x in CODES:
        for out in OUTPUTS:
            tensors = activation((1, 5, 7, 3), dtype=x), activation((1, 5, 7, 3), dtype=out)
            yield Case(f"{x}_to_{out}", one_op("CAST", [tensors[0]], tensors[1]))


CAST = Op("CAST", read, (), reference, kernel, cases)
