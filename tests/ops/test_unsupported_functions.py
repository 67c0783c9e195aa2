"""What functions, comparisons and reductions do not support is refused by name and reason."""

import numpy as np
import pytest

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.ops.builder import activation, constant, one_op, per_channel
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import Activation, ArithmeticOptions, ReducerOptions

X = activation((1, 4, 6), 0.1, 3)
FLOATS = activation((1, 4, 6), dtype="float32")
BOOLS = activation((1, 4, 6), dtype="bool")
INTS = activation((1, 4, 6), dtype="int32")
DEEP = activation((1, 1, 1, 1, 1, 1, 2), 0.1)
CHANNELS = constant(np.ones((6,), np.int8), per_channel([0.1] * 6, 0))
ENDLESS = constant(np.full((6,), np.inf, np.float32))
NOWHERE = constant(np.array([np.nan], np.float32))


def at(scale: float, zero_point: int = 0, *shape: int) -> Tensor:
    return activation(shape or (1, 4, 6), scale, zero_point)


def floats(*shape: int) -> Tensor:
    return activation(shape, dtype="float32")


def axes(*values: int) -> Tensor:
    return constant(np.array(values, np.int32))


def divided(a: Tensor, b: Tensor, out: Tensor, fused: Activation = "NONE") -> QuantGraph:
    return one_op("DIV", [a, b], out, ArithmeticOptions(fused))


def reduced(op: str, x: Tensor, out: Tensor, *over: int) -> QuantGraph:
    return one_op(op, [x, axes(*over)], out, ReducerOptions())


def normalized(x: Tensor, out: Tensor, fused: Activation = "NONE") -> QuantGraph:
    return one_op("L2_NORMALIZATION", [x], out, ArithmeticOptions(fused))


LONG = (1, 4096)
SHARES = (1 / 16, 127)

REFUSED: dict[str, tuple[QuantGraph, str]] = {
    "LOG_SOFTMAX output": (one_op("LOG_SOFTMAX", [X], X), "must be 1/16"),
    "LOG_SOFTMAX scale": (one_op("LOG_SOFTMAX", [at(2.0**-26)], at(*SHARES)), "larger than 2^-26"),
    "LOG_SOFTMAX depth": (one_op("LOG_SOFTMAX", [at(0.1, 0, *LONG)], at(*SHARES, *LONG)), "1 to 4095"),
    "LOG_SOFTMAX scalar": (one_op("LOG_SOFTMAX", [floats()], floats()), "has no dimensions"),
    "LOG_SOFTMAX types": (one_op("LOG_SOFTMAX", [FLOATS], at(*SHARES)), "must be float32"),
    "PRELU shape": (one_op("PRELU", [X, at(0.1, 0, 1, 4, 1, 6)], X), "must broadcast"),
    "PRELU output": (one_op("PRELU", [at(0.1, 0, 6), X], X), "which is the output's"),
    "PRELU slopes": (one_op("PRELU", [X, CHANNELS], X), "one scale"),
    "PRELU far scales": (one_op("PRELU", [at(0.1), at(0.1)], at(1e-12)), "less than 2^30"),
    "PRELU infinite": (one_op("PRELU", [FLOATS, ENDLESS], FLOATS), "holds infinite values"),
    "PRELU rank": (one_op("PRELU", [floats(1, 1, 1, 1, 2)] * 2, floats(1, 1, 1, 1, 2)), "four dimensions"),
    "HARD_SWISH fine": (one_op("HARD_SWISH", [at(1.0)], at(2.0**-8)), "at most 2^7"),
    "HARD_SWISH coarse": (one_op("HARD_SWISH", [at(1e-4)], at(1.0)), "at least 2^-8"),
    "HARD_SWISH input": (one_op("HARD_SWISH", [at(1e-9)], at(1e-9)), "at least 2^-21"),
    "ELU scales": (one_op("ELU", [at(10.0)], at(1e-6)), "less than 2^22"),
    "ELU type": (one_op("ELU", [INTS], INTS), "only int8"),
    "ABS scales": (one_op("ABS", [at(1.0)], at(1e-10)), "less than 2^30"),
    "RSQRT scales": (one_op("RSQRT", [at(1e-20)], at(1e-10)), "between 2^-50 and 2^11"),
    "SQRT int8": (one_op("SQRT", [X], X), "must be float32"),
    "EXP output": (one_op("EXP", [FLOATS], X), "must be float32"),
    "LOG shape": (one_op("LOG", [FLOATS], floats(24)), "is (24,)"),
    "MAXIMUM types": (one_op("MAXIMUM", [X, FLOATS], X), "is float32"),
    "MAXIMUM bool": (one_op("MAXIMUM", [BOOLS, BOOLS], BOOLS), "which is not supported"),
    "MINIMUM shapes": (one_op("MINIMUM", [FLOATS, floats(5)], FLOATS), "must broadcast"),
    "MINIMUM rank": (one_op("MINIMUM", [DEEP, DEEP], DEEP), "at most six dimensions"),
    "LESS scale": (one_op("LESS", [at(1.0), X], BOOLS), "less than 1"),
    "LESS output": (one_op("LESS", [X, X], X), "must be bool"),
    "LESS bool": (one_op("LESS", [BOOLS, BOOLS], BOOLS), "bool"),
    "EQUAL output": (one_op("EQUAL", [INTS, INTS], INTS), "must be bool"),
    "EQUAL NaN": (one_op("EQUAL", [FLOATS, NOWHERE], BOOLS), "infinite values or NaN"),
    "DIV scales": (divided(X, X, at(1e-9)), "less than 2^23"),
    "DIV tiny factor": (divided(at(1e-9), X, at(9.0)), "at least 2^-25"),
    "DIV fused": (divided(X, X, X, "TANH"), "fused activation TANH"),
    "DIV int32": (divided(INTS, INTS, INTS), "only int8"),
    "SQUARED_DIFFERENCE scales": (one_op("SQUARED_DIFFERENCE", [at(9.0)] * 2, at(1e-13)), "less than 2^42"),
    "LOGICAL_AND int8": (one_op("LOGICAL_AND", [X, X], X), "which is not supported"),
    "LOGICAL_NOT int8": (one_op("LOGICAL_NOT", [X], X), "which is not supported"),
    "SELECT_V2 condition": (one_op("SELECT_V2", [X, X, X], X), "must be bool"),
    "SELECT_V2 int32": (one_op("SELECT_V2", [BOOLS, INTS, INTS], INTS), "which is not supported"),
    "SELECT_V2 types": (one_op("SELECT_V2", [BOOLS, X, FLOATS], X), "is float32"),
    "SELECT_V2 shapes": (one_op("SELECT_V2", [BOOLS, X, at(0.1, 0, 5)], X), "must broadcast"),
    "CAST to bool": (one_op("CAST", [X], BOOLS), "int8 to bool is not supported"),
    "CAST shape": (one_op("CAST", [X], floats(24)), "is (24,)"),
    "L2_NORMALIZATION output": (normalized(X, X), "must be 1/128"),
    "L2_NORMALIZATION fused": (normalized(X, at(1 / 128), "RELU"), "no fused activation"),
    "L2_NORMALIZATION rank": (normalized(DEEP, DEEP), "must have 1 to 4"),
    "L2_NORMALIZATION depth": (
        normalized(at(0.1, 0, 1, 33026), at(1 / 128, 0, 1, 33026)),
        "1 to 33025",
    ),
    "SUM axis": (reduced("SUM", X, at(0.1, 3, 1, 4), 3), "ax"),
    "SUM shape": (reduced("SUM", X, at(0.1, 3, 1, 4), 1), "without the axes"),
    "SUM scales": (reduced("SUM", X, at(1e-11, 3, 1, 4), 2), "less than 2^30"),
    "REDUCE_MAX scales": (reduced("REDUCE_MAX", X, at(0.2, 3, 1, 4), 2), "the input's scale and zero point"),
    "REDUCE_MAX int32": (
        reduced("REDUCE_MAX", INTS, activation((1, 4), dtype="int32"), 2),
        "is not supported",
    ),
    "REDUCE_MIN shape": (reduced("REDUCE_MIN", X, at(0.1, 3, 1, 6), 2), "without the axes"),
    "ARG_MAX output": (one_op("ARG_MAX", [X, axes(2)], at(0.1, 3, 1, 4)), "int8 to int8"),
    "ARG_MAX axes": (one_op("ARG_MAX", [X, axes(1, 2)], activation((1,), dtype="int32")), "has 2 axes"),
    "ARG_MIN axis": (one_op("ARG_MIN", [X, axes(3)], activation((1, 4), dtype="int32")), "ax"),
    "ARG_MIN shape": (one_op("ARG_MIN", [X, axes(1)], activation((1, 4), dtype="int32")), "without the axis"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name: str) -> None:
    graph, reason = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        bind(graph)
    assert reason in caught.value.message
    assert f"{graph.nodes[0].op} (node 0, 'output0')" in caught.value.message
