"""Keras models to int8 `.tflite` files."""

from edgeprune.quant.post_training import SAMPLES, check_integer, quantize

__all__ = ["SAMPLES", "check_integer", "quantize"]
