"""DEQUANTIZE of uint8."""

from edgeprune.ops.dequantize.other import dequantize_from

DEQUANTIZE_U8 = dequantize_from("uint8", "ep_dequantize_u8")
