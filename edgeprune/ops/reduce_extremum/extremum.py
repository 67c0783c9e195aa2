"""REDUCE_MAX and REDUCE_MIN over any axes, int8 and float32; int8 keeps its scale and zero point.

What no element exceeds is where the search starts: of floats -FLT_MAX, so a row of minus infinities has
that as its maximum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ops.base import Case, Field, KernelCall, Op
from edgeprune.ops.floats import FLOAT_MAX, float_tensor
from edgeprune.ops.mean.cases import SCALES
from edgeprune.ops.mean.cases import cases as mean_cases
from edgeprune.ops.mean.reduction import Reduction, read_reduction
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import DTYPES, Array, Node, QuantGraph

KERNELS = {"int8": "ep_reduce_extremum_s8", "float32": "ep_reduce_extremum_f32"}
SCALE_NAMES = [name for name, *_ in SCALES]


@dataclass(frozen=True)
class Params:
    reduction: Reduction
    dtype: str
    is_rescaled: bool


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`."""
    operands = Operands(graph, node)
    operands.count(2, 2)
    x, out = operands.input(0), operands.output()
    operands.same_dtype(x, out, KERNELS)
    is_rescaled = False
    if x.dtype == "float32":
        float_tensor(operands, x)
    else:
        pair = operands.one_scale(x), operands.one_scale(out)
        is_rescaled = len({(tensor.scale, tensor.zero_point) for tensor in pair}) > 1
    return Params(read_reduction(operands), x.dtype, is_rescaled)


def shape_is_supported(p: Params) -> bool:
    """The output must have the input's shape without the axes, at most six dimensions, none empty."""
    return p.reduction.is_supported


def scales_are_equal(p: Params) -> bool:
    """The output must have the input's scale and zero point."""
    return not p.is_rescaled


def reduce_extremum(name: str, *, is_maximum: bool) -> Op[Params]:
    """The operator `name`."""

    def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
        x = inputs[0]
        assert x is not None
        low, high = (-FLOAT_MAX, FLOAT_MAX) if p.dtype == "float32" else (-128, 127)
        axes = p.reduction.axes
        found = np.max(x, axis=axes, initial=low) if is_maximum else np.min(x, axis=axes, initial=high)
        return [np.asarray(found, DTYPES[p.dtype]).reshape(p.reduction.out_shape)]

    def kernel(p: Params, node: Node) -> KernelCall:
        fields = (*p.reduction.c_fields(), Field("int32_t", "is_maximum", int(is_maximum)))
        return KernelCall(KERNELS[p.dtype], fields, node.inputs[:1], node.outputs)

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for prefix, made in (("int8", mean_cases), ("float32", float_cases(mean_cases))):
            for case in made(rng):
                if case.name not in SCALE_NAMES:
                    yield _renamed(case, prefix, name)

    return Op(
        name,
        read,
        (shape_is_supported, scales_are_equal),
        reference,
        kernel,
        cases,
        types=tuple(KERNELS),
    )


def _renamed(case: Case, prefix: str, name: str) -> Case:
    """A network of MEAN as one of `name`, whose output has the input's quantization."""
    graph = case.graph
    (node,) = graph.nodes
    tensors = list(graph.tensors)
    out = node.outputs[0]
    tensors[out] = replace(tensors[out], quantization=tensors[node.inputs[0]].quantization)
    return Case(
        f"{prefix}_{case.name}", replace(graph, tensors=tuple(tensors), nodes=(replace(node, op=name),))
    )
