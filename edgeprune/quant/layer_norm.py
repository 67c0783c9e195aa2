"""Layer normalisation in operators that have an int8 form.

Keras computes x * s + (-mean * s) with s = 1 / sqrt(variance + epsilon), and TensorFlow Lite has no int8
negation. The same is (x - mean) * s, of which every step has one. What is rounded to 8 bits between the
steps is the centred input, its variance and s.
"""

from typing import Any

from edgeprune.graph.ir import Node


def layer_norm(node: Node) -> Any:
    """A layer with the weights of a LayerNormalization node over its last axis that computes the same."""
    import keras

    class CentredNormalization(keras.layers.LayerNormalization):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            centred = keras.ops.subtract(x, keras.ops.mean(x, axis=-1, keepdims=True))
            variance = keras.ops.mean(keras.ops.multiply(centred, centred), axis=-1, keepdims=True)
            out = keras.ops.multiply(centred, keras.ops.rsqrt(keras.ops.add(variance, self.epsilon)))
            out = out if self.gamma is None else keras.ops.multiply(out, self.gamma)
            return out if self.beta is None else keras.ops.add(out, self.beta)

    return CentredNormalization.from_config({**node.config, "name": node.layer})
