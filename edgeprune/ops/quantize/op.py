"""QUANTIZE: float32 to int8 and int16, and from 8-bit types; files beside this one have the others.

From float32: the float32 quotient by the scale, rounded with halves away from zero, plus the zero
point, clamped. Beyond 2^31 steps TFLM's conversion to an integer is undefined in C (on x86 it
gives -2^31, on Arm it saturates) and so it is for NaN. Here infinities and all large numbers
saturate to the end of their sign, and NaN becomes the zero point.

From int8 to wider types: one factor. Between 8-bit types: a table. A change of type by 128 at equal
scales needs no special case, the general formula is exact there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field, KernelCall, Op
from edgeprune.ops.fixedpoint import (
    MAX_SHIFT,
    dtype_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from edgeprune.ops.lookup.table import lookup_call
from edgeprune.ops.loops import Shape
from edgeprune.ops.operands import Operands
from edgeprune.ops.quantize.cases import cases
from edgeprune.ops.quantize.int16 import QUANTIZE_S16
from edgeprune.ops.quantize.int32 import QUANTIZE_S32
from edgeprune.ops.quantize.integers import read_rescale
from edgeprune.ops.rescale.rescale import Rescale
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

CONVERSIONS = {
    "float32": ("int8", "int16"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
}
WIDE = ("int16", "int32")

# Beyond so many steps every zero point gives the same clamped result; and the kernel.
FLOAT_KERNELS = {"int8": (512, "ep_quantize_f32"), "int16": (131072, "ep_quantize_f32_s16")}


@dataclass(frozen=True)
class Params:
    """`in_zero_point`, `multiplier` and `shift` are 0 for a float32 input; `rescale` is for wide outputs."""

    shape: Shape
    dtype: str
    out_dtype: str
    in_zero_point: int
    scale: float
    zero_point: int
    multiplier: int
    shift: int
    rescale: Rescale | None = None


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(1, 1)
    x, out = operands.input(0), operands.output()
    operands.same_shape(x, out)
    if out.dtype not in CONVERSIONS.get(x.dtype, ()):
        raise operands.error(f"{x.dtype} to {out.dtype} is not supported")
    operands.one_scale(out)
    if x.dtype == "float32":
        return Params(x.shape, x.dtype, out.dtype, 0, out.scale, out.zero_point, 0, 0)
    operands.one_scale(x)
    factor = quantize_multiplier(x.scale / out.scale)
    rescale = read_rescale(operands) if out.dtype in WIDE else None
    return Params(x.shape, x.dtype, out.dtype, x.zero_point, out.scale, out.zero_point, *factor, rescale)


def scales_are_near(p: Params) -> bool:
    """The input's scale must be less than 2^30 times the output's."""
    return p.shift <= MAX_SHIFT


def table(p: Params) -> Array:
    """The output for each byte of an 8-bit input."""
    values = np.arange(256).astype(np.uint8).view(DTYPES[p.dtype]).astype(np.int64)
    scaled = multiply_by_quantized_multiplier(values - p.in_zero_point, p.multiplier, p.shift)
    low, high = dtype_range(p.out_dtype)
    return np.clip(scaled.astype(np.int64) + p.zero_point, low, high).astype(DTYPES[p.out_dtype])


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """The input in the output's steps."""
    x = inputs[0]
    assert x is not None
    if p.rescale is not None:
        return [p.rescale.apply(x)]
    if p.dtype != "float32":
        return [table(p)[x.view(np.uint8)]]
    far, low, high = FLOAT_KERNELS[p.out_dtype][0], *dtype_range(p.out_dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = x.astype(np.float32) / np.float32(p.scale)
    near = np.clip(np.nan_to_num(steps, nan=0.0), -far, far).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(near) + 0.5), near)
    return [np.clip(rounded + p.zero_point, low, high).astype(DTYPES[p.out_dtype])]


def kernel(p: Params, node: Node) -> KernelCall:
    """A look-up in the table, the factor, or the float kernel."""
    elements = int(np.prod(p.shape, dtype=np.int64))
    if p.rescale is not None:
        return p.rescale.call(node)
    if p.dtype != "float32":
        return lookup_call(table(p), elements, node)
    fields = (
        Field("int32_t", "count", elements),
        Field("float", "scale", p.scale),
        Field("int32_t", "zero_point", p.zero_point),
    )
    return KernelCall(FLOAT_KERNELS[p.out_dtype][1], fields, node.inputs, node.outputs, lags=((0, 0),))


QUANTIZE = Op(
    "QUANTIZE",
    read,
    (scales_are_near,),
    reference,
    kernel,
    cases,
    types=("float32", "int8", "uint8"),
    others=(QUANTIZE_S16, QUANTIZE_S32),
)
