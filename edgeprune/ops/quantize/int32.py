"""QUANTIZE of int32 to int8 and int16."""

from edgeprune.ops.quantize.integers import quantize_from

SCALES = (("same", 0.1, 0.1), ("coarser", 1e-8, 0.08), ("finer", 0.1, 0.037), ("vanishing", 1e-12, 1e9))

QUANTIZE_S32 = quantize_from("int32", ("int8", "int16"), SCALES)
