"""Keras to a `.tflite` that computes with floating point: as it is, or with int8 weights (dynamic range).

For devices with an operating system, whose runtime has kernels for both. Dynamic range keeps the weights
in int8 and quantises activations while it runs: a quarter of the file, no examples needed.
"""

from typing import Any

from edgeprune.graph.keras_in import from_keras
from edgeprune.quant.post_training import export_model, refusal
from edgeprune.quant.quiet import captured


def to_float(model: Any, *, has_int8_weights: bool) -> bytes:
    """The `.tflite` of a Keras `model`, float32 in and out, batch 1; ModelError where it cannot be."""
    import tensorflow as tf

    lines: list[str] = []
    try:
        with captured(lines):
            converter = tf.lite.TFLiteConverter.from_keras_model(export_model(from_keras(model)))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if has_int8_weights:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            return bytes(converter.convert())
    except MemoryError:
        raise
    except Exception as error:  # as in post_training: the converter has no error class of its own
        raise refusal(str(error), lines) from error
