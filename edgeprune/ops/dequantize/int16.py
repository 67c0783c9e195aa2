"""DEQUANTIZE of int16."""

from edgeprune.ops.dequantize.other import dequantize_from

DEQUANTIZE_S16 = dequantize_from("int16", "ep_dequantize_s16")
