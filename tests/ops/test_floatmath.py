"""The float functions: numpy against C on all kinds of floats, against their definitions, against TFLM."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.kernels import (
    OPS_FOLDER,
    KernelProgram,
    Run,
    compile_c,
    copy_kernels,
    sanitizing_zig,
    zig_cc,
)
from support.oracle import tflm
from support.tflite_writer import write

from edgeprune.ops import OPS, evaluate, floatmath
from edgeprune.ops.base import Case, Op
from edgeprune.ops.builder import activation, one_op
from edgeprune.tflite.options import ArithmeticOptions

ARENA_BYTES = 1 << 22
OPTIONS = {"DIV": ArithmeticOptions()}
FUNCTIONS = ("expf", "expm1f", "logf", "sqrtf", "tanhf")
UNARIES = (
    *("ABS", "NEG", "SQUARE", "FLOOR", "CEIL", "ROUND"),
    *("SQRT", "RSQRT", "EXP", "LOG", "ELU", "HARD_SWISH"),
)

SPECIAL_BITS = [
    *(0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000, 0x80800000),
    *(0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x3F800000, 0xBF800000),
    # Where the functions change their formula: 2^-25, log(2)/2, 3 log(2)/2, 27 log(2), log(2^128), -104.
    *(0x33000000, 0x3EB17218, 0x3EB17219, 0x3F851591, 0x3F851592, 0x4195B843, 0x4195B844, 0xC195B844),
    *(0x42B17217, 0x42B17218, 0xC2CFF1B5, 0xC2D00000, 0xC2D00001, 0x41B00000, 0x24000000, 0x3F330000),
    # -2.5 to 2.5 in halves, and where floats begin to be integers.
    *(0x3F000000, 0xBF000000, 0x3FC00000, 0xBFC00000, 0x40200000, 0xC0200000, 0x4AFFFFFF, 0x4B000000),
]


def arguments(rng: np.random.Generator) -> np.ndarray:
    """Floats of every exponent and sign, ordinary ones, special ones and their neighbours."""
    special = np.array(SPECIAL_BITS, np.uint32)
    bits = np.concatenate([special, special + np.uint32(1), special - np.uint32(1)])
    anywhere = rng.integers(0, 1 << 32, 100_000, dtype=np.uint32)
    ordinary = rng.normal(scale=30, size=100_000).astype(np.float32)
    return np.concatenate([bits.view(np.float32), anywhere.view(np.float32), ordinary])


C_PROGRAM = """
#include <stdio.h>
#include "ep_float_math.h"

int main(void)
{
    float x;
    while (fread(&x, 4, 1, stdin) == 1) {
        const float y[5] = {ep_expf(x), ep_expm1f(x), ep_logf(x), ep_sqrtf(x), ep_tanhf(x)};
        fwrite(y, 4, 5, stdout);
    }
    return 0;
}
"""


def test_c_and_numpy_are_the_same_bits(tmp_path: Path) -> None:
    copy_kernels(set(), tmp_path)
    (tmp_path / "main.c").write_text(C_PROGRAM)
    sources = [str(tmp_path / "main.c"), str(OPS_FOLDER / "ep_float_math.c")]
    program = tmp_path / "program"
    compile_c([*sanitizing_zig(), "-O1", "-ffp-contract=off", *sources, "-o", str(program)])
    x = arguments(np.random.default_rng(11))
    done = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, timeout=60, check=True)
    got = np.frombuffer(done.stdout, np.uint32).reshape(-1, len(FUNCTIONS))
    assert len(got) == len(x)
    for column, name in enumerate(FUNCTIONS):
        wanted = getattr(floatmath, name)(x).view(np.uint32)
        assert np.array_equal(got[:, column], wanted), name


@pytest.mark.parametrize(
    ("name", "exact", "bound"),
    # In units of the last place, as the header of ep_float_math.h states them.
    [("expf", np.exp, 0.502), ("logf", np.log, 0.82), ("expm1f", np.expm1, 1.0), ("tanhf", np.tanh, 2.0)],
)
def test_error_is_as_small_as_the_header_says(
    name: str, exact: Callable[[np.ndarray], np.ndarray], bound: float
) -> None:
    x = arguments(np.random.default_rng(12))
    with np.errstate(all="ignore"):
        wanted = exact(x.astype(np.float64))  # good to far less than a float's last place
    normal = (np.abs(wanted) < 2.0**127) & (np.abs(wanted) > 2.0**-126)
    got = getattr(floatmath, name)(x).astype(np.float64)[normal]
    ulp = np.spacing(np.abs(wanted[normal]).astype(np.float32)).astype(np.float64)
    assert normal.sum() > 50_000
    assert np.max(np.abs(got - wanted[normal]) / ulp) <= bound


def float_unaries() -> list[Op]:
    """Every operator whose float32 kernel is a function of one element."""
    return [op for name in UNARIES for op in (OPS[name], *OPS[name].others) if op.types == ("float32",)]


def same(wanted: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Where bits are equal, or both are NaN."""
    if wanted.dtype != np.float32:
        return wanted == got
    return (wanted.view(np.uint32) == got.view(np.uint32)) | (np.isnan(wanted) & np.isnan(got))


def check_everywhere(op: Op, inputs: list[np.ndarray], out_dtype: str, folder: Path) -> None:
    """TFLM, reference and kernel agree on `inputs`, elements of one row each."""
    tensors = [activation(x.shape, dtype="float32") for x in inputs]
    graph = one_op(op.name, tensors, activation(inputs[0].shape, dtype=out_dtype), OPTIONS.get(op.name))
    with np.errstate(all="ignore"):
        (wanted,), (got,) = tflm(write(graph), inputs, ARENA_BYTES), evaluate(graph, inputs)
    assert same(wanted, got).all()
    # No sanitizer: a float divided by 0 is an infinity.
    program = KernelProgram(op, [Case("special", graph)], folder, zig_cc())
    (data,) = program.outputs([Run(0, tuple(inputs))])[0]
    assert same(wanted, np.frombuffer(data, wanted.dtype)).all()


@pytest.mark.parametrize("op", float_unaries(), ids=lambda op: op.name)
def test_special_floats_are_tflms(op: Op, tmp_path: Path) -> None:
    """Zeros, infinities, denormals, halves; NaN wherever TFLM has NaN."""
    check_everywhere(op, [arguments(np.random.default_rng(13))], "float32", tmp_path)


BINARIES = {
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "DIV", "SQUARED_DIFFERENCE", "PRELU"), "float32"),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), "bool"),
}


@pytest.mark.parametrize("name", BINARIES)
def test_pairs_of_special_floats_are_tflms(name: str, tmp_path: Path) -> None:
    """Every special float with every other."""
    special = np.array(SPECIAL_BITS, np.uint32).view(np.float32)
    a, b = (grid.reshape(-1) for grid in np.meshgrid(special, special))
    op = next(op for op in (OPS[name], *OPS[name].others) if "float32" in op.types)
    check_everywhere(op, [a, b], BINARIES[name], tmp_path)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_special_floats_are_cast_as_tflm_does(dtype: str, tmp_path: Path) -> None:
    """Ends of the types' ranges and what lies beyond, infinities, NaN."""
    ends = [sign * (2.0**bits + d) for bits in (7, 8, 15, 16, 31, 32) for d in (-1, 0, 1) for sign in (-1, 1)]
    drawn = arguments(np.random.default_rng(14))
    check_everywhere(OPS["CAST"], [np.concatenate([np.array(ends, np.float32), drawn])], dtype, tmp_path)


def test_every_unary_is_tested() -> None:
    assert len(float_unaries()) == len(UNARIES)
