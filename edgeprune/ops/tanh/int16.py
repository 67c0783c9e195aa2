"""TANH in int16: see lookup/sigmoid16.py."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.lookup.sigmoid16 import (
    Params,
    arguments,
    between,
    input_scale_is_not_huge,
    output_scale_is_fixed,
    read_sigmoid,
    sigmoid_call,
)
from edgeprune.tflite.graph import Array, Node, QuantGraph


def read(graph: QuantGraph, node: Node) -> Params:
    """The parameters of `node`; raises ModelError."""
    return read_sigmoid(graph, node, plain_shifts=(0, 1))


def reference(p: Params, inputs: Sequence[Array | None]) -> list[Array]:
    """What TFLM computes."""
    assert inputs[0] is not None
    x = arguments(p, inputs[0].astype(np.int64))
    magnitude = np.abs(x)
    y = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, between(magnitude, 8)) - (1 << 23)
    y = np.where(x >= 0, y + (1 << 7), -y + (1 << 7) - 1)
    return [(y >> 8).astype(np.int16)]


def kernel(p: Params, node: Node) -> KernelCall:
    """The portable kernel."""
    return sigmoid_call("ep_tanh_s16", p, node)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Scales that TFLM takes for powers of two, and others, up to the largest and down to the smallest."""
    for name, scale in (
        ("plain", 2.0**-12),
        ("nearly plain", 2.0**-12 * 1.0006),
        ("hardly plain", 2.0**-12 * 1.0008),
        ("twice plain", 2.0**-11),
        ("four times plain", 2.0**-10),
        ("half of plain", 2.0**-13),
        ("usual", 0.00031),
        ("fine", 1e-6),
        ("finest", 1e-12),
        ("coarse", 0.1),
        ("coarsest", 2.66),
    ):
        x, out = (
            activation((1, 3, 900), scale, dtype="int16"),
            activation((1, 3, 900), 2.0**-15, dtype="int16"),
        )
        yield Case(name, one_op("TANH", [x], out))


TANH_S16 = Op(
    "TANH",
    read,
    (input_scale_is_not_huge, output_scale_is_fixed),
    reference,
    kernel,
    cases,
    types=("int16",),
)
