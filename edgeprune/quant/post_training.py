"""Keras to int8: post-training quantisation by TensorFlow's own converter, checked to be integers only.

Weights per channel, activations per tensor, int8 input and output, batch 1. The ranges of activations
come from training examples, the classes in equal shares, chosen by the seed. The same model, data and
seed give the same bytes.

The converter is given an export copy of the network: without layers that only act in training, with
layer normalisation in steps that have an int8 form, and with nearest up-sampling written as a resize.
Keras writes that as a tiling, for which TensorFlow Lite Micro has no kernel.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeprune.data import Dataset
from edgeprune.errors import InternalError, ModelError, UsageError
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.keras_in import from_keras
from edgeprune.graph.keras_out import layer_of, to_keras
from edgeprune.graph.kinds import TRAINING_ONLY
from edgeprune.quant.layer_norm import layer_norm
from edgeprune.quant.quiet import captured
from edgeprune.tflite.graph import Node as TfliteNode
from edgeprune.tflite.read import read

SAMPLES = 200
# What the converter says of an operator that it cannot express, in the words of its several passes.
_OPERATORS = re.compile(r"(?:'|op: |\n|\t)((?:tf|tfl)\.\w+)|Op type not registered '(\w+)'")


def quantize(model: Any, data: Dataset, *, samples: int = SAMPLES, seed: int) -> bytes:
    """Return the `.tflite` of the Keras `model` in int8, ranges from `samples` examples of `data`.

    Raises ModelError naming the operator where the network cannot be wholly int8.
    """
    if samples < 1:
        raise UsageError(f"{samples} calibration samples; at least 1 is needed")
    graph = from_keras(model)
    if len(graph.inputs) != 1:
        raise ModelError(f"the model has {len(graph.inputs)} inputs; only one is supported")
    shape = graph.by_name[graph.inputs[0]].shape
    if data.x_train.shape[1:] != shape:
        raise InternalError(f"examples of shape {data.x_train.shape[1:]} for an input of shape {shape}")
    chosen = data.pick_train(samples, np.random.default_rng(seed))
    raw = _convert(export_model(graph), data, chosen)
    check_integer(raw)
    return raw


def export_model(graph: Graph) -> Any:
    """A `keras.Model` with batch 1 of the layers that the converter turns into int8 operators."""
    return to_keras(without_training_layers(graph), 1, make_layer=_export_layer)


def without_training_layers(graph: Graph) -> Graph:
    """The same network without nodes that pass their input on when it runs."""
    source: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(source[name] for name in node.inputs)
        if node.kind in TRAINING_ONLY:
            source[node.name] = inputs[0]
            continue
        source[node.name] = node.name
        nodes.append(Node(node.name, node.kind, inputs, node.shape, node.config, node.weights, node.layer))
    return Graph(graph.name, tuple(nodes), graph.inputs, tuple(source[name] for name in graph.outputs))


def _export_layer(node: Node) -> Any:
    nearest = node.config.get("interpolation", "nearest") == "nearest"
    if node.kind == "UpSampling1D" or (node.kind == "UpSampling2D" and nearest):
        return _resize_nearest(node)
    if node.kind == "LayerNormalization" and node.config["axis"] in (-1, [-1]):
        return layer_norm(node)
    return layer_of(node)


def _resize_nearest(node: Node) -> Any:
    """A layer that repeats rows and columns by resizing to the node's shape, a sequence as one column."""
    import keras
    import tensorflow as tf

    height, width = (node.shape[0], 1) if node.kind == "UpSampling1D" else node.shape[:2]

    class ResizeNearest(keras.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            image = x if node.kind == "UpSampling2D" else tf.reshape(x, (-1, x.shape[1], 1, x.shape[2]))
            image = tf.raw_ops.ResizeNearestNeighbor(images=image, size=(height, width))
            return tf.reshape(image, (-1, *node.shape)) if node.kind == "UpSampling1D" else image

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], *node.shape)

    return ResizeNearest(name=node.layer)


def _convert(model: Any, data: Dataset, chosen: np.ndarray[Any, np.dtype[np.int64]]) -> bytes:
    import tensorflow as tf

    def examples() -> Iterator[list[Any]]:
        for index in chosen:
            yield [data.batch(data.x_train[index : index + 1])]

    lines: list[str] = []
    try:
        with captured(lines):
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = examples
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            return bytes(converter.convert())
    except MemoryError:
        raise
    except Exception as error:  # the converter has no error class of its own for all that goes wrong
        raise refusal(str(error), lines) from error


def refusal(message: str, lines: list[str]) -> ModelError:
    """An error that names the operators which the converter complains of, or has its last words."""
    text = "\n".join([message, *lines])
    found = dict.fromkeys(a or b for a, b in _OPERATORS.findall(text))
    if found:
        return ModelError(
            f"the model cannot be quantised: no int8 operator for {', '.join(list(found)[:5])}",
            hint="replace the layer that needs it",
        )
    last = [line.strip() for line in message.splitlines() if line.strip()] or ["no reason given"]
    return ModelError(f"the model cannot be quantised: {last[-1][:300]}")


def check_integer(raw: bytes) -> None:
    """Raise ModelError naming the first operator of a `.tflite` that computes with floating point."""
    graph = read(raw)

    def is_float(node: TfliteNode) -> bool:
        operands = [graph.tensors[index] for index in (*node.inputs, *node.outputs) if index >= 0]
        return any(tensor.dtype.startswith("float") for tensor in operands)

    found = [node for node in graph.nodes if is_float(node)]
    # Between a pair of conversions stands the operator that needs them.
    found.sort(key=lambda node: node.op in ("QUANTIZE", "DEQUANTIZE"))
    if found:
        raise ModelError(
            f"{graph.place(found[0])} stays in floating point: it has no int8 form",
            hint="replace the layer that needs it",
        )
    for index in (*graph.inputs, *graph.outputs):
        if graph.tensors[index].dtype != "int8":
            tensor = graph.tensors[index]
            raise ModelError(f"the converter left {tensor.name!r} as {tensor.dtype}, not int8")
