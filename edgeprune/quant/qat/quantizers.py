"""Rounding to int8 by tensorflow-model-optimization's quantizers and wrappers, with ranges of our own.

    weights       symmetric, one scale for each output channel, always of the weights as they are
    activations   one range for a tensor, first estimated on training examples, then learned

Source:  tensorflow-model-optimization 0.8.1: Quantizer, QuantizeConfig, QuantizeWrapperV2, QuantizeLayer;
         Jain et al., "Trained Quantization Thresholds", 2020, arXiv:1903.08066 (ranges by gradient)
Differs: tfmot's weight quantizer uses the range of the step before, gives a depthwise kernel one scale for
         all channels and knows no Conv1D; the converter gives every channel the scale of its weights. The
         paper learns the logarithm of a power of two; here each end of a range learns a factor.

Only the worker imports this file: with it comes Keras 2, for the whole process.
"""

import os
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tfmot would set it too, later

import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.quantize_config import QuantizeConfig
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapperV2
from tensorflow_model_optimization.python.core.quantization.keras.quantizers import FixedQuantizer, Quantizer

from edgeprune.graph.ir import Node
from edgeprune.quant.qat.place import fixed_range
from edgeprune.quant.qat.prepare import WEIGHTED

Range = tuple[float, float]


def rounded_layer(layer: Any, node: Node) -> Any:
    """`layer`, of a weighted node, with its kernel rounded wherever it is used."""
    attribute = "depthwise_kernel" if node.kind.startswith("Depthwise") else "kernel"
    return QuantizeWrapperV2(layer, _KernelConfig(attribute, WEIGHTED[node.kind]), name=layer.name)


def rounding_layer(node: Node, start: Range) -> Any:
    """A layer that rounds the output of `node`, its range `start` at first."""
    return QuantizeLayer(_Learned(*start), name=f"{node.name}_range")


def fixed_layer(node: Node) -> Any:
    """A layer that rounds the output of `node` to the range that TensorFlow Lite fixes."""
    found = fixed_range(node)
    assert found is not None
    return QuantizeLayer(FixedQuantizer(8, *found, narrow_range=False), name=f"{node.name}_range")


def learned_range(layer: Any) -> Range:
    """The range that a rounding layer has come to."""
    low, high = layer.quantizer.ends(layer.quantizer_vars)
    return float(low), float(high)


class ExportedRounding(tf_keras.layers.Layer):  # type: ignore[misc]
    """Rounding to a range that stays: what the converter reads ranges from."""

    def __init__(self, ends: Range, **options: Any) -> None:
        super().__init__(**options)
        self._ends = ends

    def call(self, x: Any) -> Any:
        return tf.quantization.fake_quant_with_min_max_args(x, *self._ends)


class _Kernel(Quantizer):  # type: ignore[misc]
    """Symmetric, -127 to 127, one scale for each slice along `axes` of the kernel."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self._axes = axes

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {}

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        rank = len(inputs.shape)
        outputs = [axis % rank for axis in self._axes]
        order = [axis for axis in range(rank) if axis not in outputs] + outputs
        moved = tf.transpose(inputs, order)
        flat = tf.reshape(moved, (-1, int(tf.math.reduce_prod([inputs.shape[a] for a in outputs]))))
        most = tf.stop_gradient(tf.reduce_max(tf.abs(flat), axis=0))
        flat = tf.quantization.fake_quant_with_min_max_vars_per_channel(flat, -most, most, narrow_range=True)
        back = [order.index(axis) for axis in range(rank)]
        return tf.transpose(tf.reshape(flat, tf.shape(moved)), back)

    def get_config(self) -> dict[str, Any]:
        return {"axes": self._axes}


class _Learned(Quantizer):  # type: ignore[misc]
    """A range whose ends are trained, as factors of where they start; an end at zero stays there."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        ones = tf_keras.initializers.Ones()
        return {
            end: layer.add_weight(f"{name}_{end}", shape=(), initializer=ones, trainable=True)
            for end in ("low", "high")
        }

    def ends(self, weights: dict[str, Any]) -> tuple[Any, Any]:
        """Both ends as they are now; zero is never outside."""
        low, high = (tf.maximum(weights[end], 1e-3) for end in ("low", "high"))
        return self._low * low, self._high * high

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self.ends(weights))

    def get_config(self) -> dict[str, Any]:
        return {"low": self._low, "high": self._high}


class _KernelConfig(QuantizeConfig):  # type: ignore[misc]
    """Round the kernel of the wrapped layer, nothing else."""

    def __init__(self, attribute: str, axes: tuple[int, ...]) -> None:
        self._attribute, self._axes = attribute, axes

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return [(getattr(layer, self._attribute), _Kernel(self._axes))]

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        setattr(layer, self._attribute, quantize_weights[0])

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {"attribute": self._attribute, "axes": self._axes}
