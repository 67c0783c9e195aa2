"""The arithmetic of TFLite's 16-bit kernels, on numpy arrays, bit for bit: 64-bit sums to int16.

The multiplier is cut to 16 bits, rounded, so that its product with a sum below 2^47 fits 64 bits;
the product is rounded once, halves up. `ep_math64.h` has the same in C.
"""

import numpy as np
import numpy.typing as npt

from edgeprune.ops.fixedpoint import wrap_int32

MAX_SHIFT_64 = 7
"""The largest shift left: TFLM asks for less than 8."""
MAX_SUM_64 = 1 << 47


def reduced_multiplier(multiplier: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The upper 16 bits of 32-bit multipliers, rounded, at most 2^15 - 1."""
    wide = np.asarray(multiplier, np.int64)
    return np.where(wide < 0x7FFF0000, (wide + (1 << 15)) >> 16, 0x7FFF).astype(np.int32)


def multiply_64(x: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """x * multiplier / 2^31 * 2^shift for |x| < 2^47, -31 <= shift <= 7; the low 32 bits of the result."""
    total = 15 - np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * reduced_multiplier(multiplier).astype(np.int64)
    return wrap_int32((product + (np.int64(1) << (total - 1))) >> total)
