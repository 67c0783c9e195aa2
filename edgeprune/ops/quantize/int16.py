"""QUANTIZE of int16 to int8, int16 and int32."""

from edgeprune.ops.quantize.integers import quantize_from

SCALES = (
    ("same", 0.1, 0.1),
    ("coarser", 0.0003, 0.08),
    ("much_coarser", 1e-6, 1.0),
    ("finer", 0.1, 0.037),
    ("much_finer", 900.0, 0.001),
    ("vanishing", 1e-12, 10.0),
)

QUANTIZE_S16 = quantize_from("int16", ("int8", "int16", "int32"), SCALES)
