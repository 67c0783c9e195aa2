"""Networks of one QUANTIZE."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op

FLOAT_OUTPUTS = (
    ("usual", 0.04, 3),
    ("half_steps", 0.5, 0),
    ("zero_point_low", 0.05, -128),
    ("zero_point_high", 0.05, 127),
    ("fine", 1e-5, -3),
    ("coarse", 1e9, 5),
)

INTEGERS = (
    ("same", "int8", (0.1, 3), "int8", (0.1, 3)),
    ("other_zero_point", "int8", (0.1, 3), "int8", (0.1, -40)),
    ("other_scale", "int8", (0.1, 127), "int8", (0.037, -128)),
    ("factor_large", "int8", (900.0, 1), "int8", (0.001, -1)),
    ("factor_vanishes", "int8", (1e-12, 1), "int8", (10.0, -1)),
    ("to_uint8", "int8", (1 / 256, -128), "uint8", (1 / 256, 0)),
    ("to_uint8_scaled", "int8", (0.1, 5), "uint8", (0.03, 200)),
    ("from_uint8", "uint8", (1 / 256, 128), "int8", (1 / 256, 0)),
    ("from_uint8_scaled", "uint8", (0.1, 255), "int8", (0.03, -100)),
    ("from_uint8_same_zero_point", "uint8", (0.1, 0), "int8", (0.1, 0)),
    ("to_int16", "int8", (0.1, 5), "int16", (0.0004, 0)),
    ("to_int16_same_scale", "int8", (0.1, -128), "int16", (0.1, 0)),
    ("to_int16_coarser", "int8", (0.1, 127), "int16", (0.37, 0)),
    ("to_int32", "int8", (0.1, 5), "int32", (1e-7, 0)),
    ("to_int32_with_zero_point", "int8", (0.1, 5), "int32", (0.003, 77)),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """From float32 with steps of every size; between 8-bit types and to wider ones."""
    shape = (1, 7, 8, 5)
    for name, scale, zero_point in FLOAT_OUTPUTS:
        x, out = activation(shape, dtype="float32"), activation(shape, scale, zero_point)
        yield Case(f"float_{name}", one_op("QUANTIZE", [x], out))
    for name, scale in (("usual", 3e-4), ("half_steps", 0.5), ("fine", 1e-5), ("coarse", 1e9)):
        x, out = activation(shape, dtype="float32"), activation(shape, scale, 0, "int16")
        yield Case(f"float_to_int16_{name}", one_op("QUANTIZE", [x], out))
    for name, dtype, (scale, zero_point), out_dtype, (out_scale, out_zero_point) in INTEGERS:
        x = activation(shape, scale, zero_point, dtype)
        yield Case(name, one_op("QUANTIZE", [x], activation(shape, out_scale, out_zero_point, out_dtype)))
