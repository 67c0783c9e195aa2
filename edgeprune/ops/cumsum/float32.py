"""CUMSUM in float32."""

from collections.abc import Sequence

import numpy as np

from edgeprune.ops.base import KernelCall, Op
from edgeprune.ops.cumsum.cases import SCALES_ONLY, cases
from edgeprune.ops.cumsum.geometry import Line, read_line
from edgeprune.ops.operands import Operands
from edgeprune.ops.retype import float_cases
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Line:
    """The parameters of `node`."""
    return read_line(Operands(graph, node), "float32")


def reference(p: Line, inputs: Sequence[Array | None]) -> list[Array]:
    """The sums so far, each rounded to float32."""
    x = p.lines(np.asarray(inputs[0], np.float32))
    out = np.empty_like(x)
    total = np.zeros((p.before, p.after), np.float32)
    with np.errstate(all="ignore"):
        for i in range(x.shape[1]):
            following = total + x[:, i]
            out[:, i] = total if p.options.exclusive else following
            total = following
    return [np.ascontiguousarray(p.whole(out))]


def kernel(p: Line, node: Node) -> KernelCall:
    """The portable kernel."""
    return KernelCall("ep_cumsum_f32", p.c_fields(), node.inputs[:1], node.outputs)


CUMSUM_F32 = Op("CUMSUM", read, (), reference, kernel, float_cases(cases, SCALES_ONLY), types=("float32",))
