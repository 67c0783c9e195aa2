"""Division, roots and logarithms in fixed point: the C header against Python, both against real numbers."""

import subprocess
from pathlib import Path

import numpy as np
from support.kernels import compile_c, copy_kernels, sanitizing_zig

from edgeprune.ops.gemmlowp import inverse_sqrt, log_of_one_or_more, one_over_one_plus

C_PROGRAM = """
#include <stdio.h>
#include "ep_gemmlowp.h"

int main(void)
{
    int32_t x;
    while (fread(&x, 4, 1, stdin) == 1) {
        const ep_factor root = ep_inverse_sqrt(x);
        const int32_t result[4] = {ep_one_over_one_plus(x), root.multiplier, root.shift, ep_leading_zeros(x)};
        fwrite(result, 4, 4, stdout);
    }
    return 0;
}
"""


def numbers(rng: np.random.Generator) -> list[int]:
    """Small ones, powers of two and their neighbours, and some of every size."""
    edges = [(1 << k) + d for k in range(31) for d in (-1, 0, 1)]
    drawn = [int(rng.integers(1 << k)) for k in range(1, 32) for _ in range(30)]
    return [*range(300), *(x for x in edges if x >= 0), *drawn, (1 << 31) - 1]


def test_the_c_header_is_the_same_arithmetic(tmp_path: Path) -> None:
    x = np.array(numbers(np.random.default_rng(4)), np.int32)
    copy_kernels(set(), tmp_path)
    (tmp_path / "main.c").write_text(C_PROGRAM)
    program = tmp_path / "program"
    compile_c([*sanitizing_zig(), str(tmp_path / "main.c"), "-o", str(program)])
    done = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, timeout=60, check=True)
    got = np.frombuffer(done.stdout, np.int32).reshape(-1, 4).tolist()
    wanted = [[one_over_one_plus(v), *inverse_sqrt(v), 32 - v.bit_length()] for v in x.tolist()]
    assert got == wanted


def test_inverse_roots_are_near() -> None:
    for x in numbers(np.random.default_rng(5)):
        if x > 1:
            multiplier, shift = inverse_sqrt(x)
            # Newton's five steps from 1 leave 2^-19.6 at x = 512, the most that was found.
            assert abs(multiplier / 2**31 * 2.0**shift * x**0.5 - 1) < 2**-19.5, x


def test_logarithms_are_near() -> None:
    for x in numbers(np.random.default_rng(6)):
        if x >= 1 << 19:  # 1 in Q12
            logarithm = log_of_one_or_more(x, 12, 5) / 2**26
            # The result's last place is 2^-26; 2^-24.5 is the most that was found.
            assert abs(logarithm - np.log(x / 2**19)) < 2**-24, x
