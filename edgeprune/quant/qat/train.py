"""Train a prepared network with its rounding in place, and convert what comes out.

The float network is trained on as before, with the same loss, teacher, schedule and best epoch
(prune/finetune.py), while every kernel and activation is rounded as the int8 network will round it.
Gradients pass the rounding as if it were not there. Ranges start where the squared rounding error on
training examples is least and are learned on. Kernel weights that are exactly zero stay zero.

Source:  Jacob et al., 2018, arXiv:1712.05877, section 3; ranges: see quantizers.py
Cost:    an epoch takes about twice the time of an epoch of fine-tuning
Differs: batch statistics stay as they are (prepare.py); layers that only act in training, and penalties
         that layers carry, are left out
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError, ModelError
from edgeprune.graph.ir import Graph, Node
from edgeprune.prune.trainer import classifier_loss
from edgeprune.quant.qat import twin
from edgeprune.quant.qat.place import places
from edgeprune.quant.qat.prepare import HINT, WEIGHTED
from edgeprune.quant.qat.quantizers import (
    ExportedRounding,
    Range,
    fixed_layer,
    learned_range,
    rounded_layer,
    rounding_layer,
)
from edgeprune.quant.qat.request import Request
from edgeprune.quant.qat.twin import Twin

Array = npt.NDArray[Any]
Ranges = Mapping[str, Range]

# Shares of the range seen, of which the one with the least squared error is where learning starts.
_SHARES = tuple(np.linspace(1.0, 0.3, 29))
_BATCH = 50
_TOLERANCE = 1e-3


def scores_node(graph: Graph) -> str:
    """The node whose outputs are the class scores: the last, or what its softmax or sigmoid takes."""
    last = graph.by_name[graph.outputs[0]]
    name = "softmax" if last.kind == "Softmax" else last.config.get("activation")
    return last.inputs[0] if name in ("softmax", "sigmoid") else last.name


def check_twin(request: Request) -> None:
    """Raise InternalError unless Keras 2 computes of the probe what Keras 3 did."""
    found = twin.build(request.student).model(np.asarray(request.probe, np.float32), training=False)
    found = np.asarray(found).reshape(request.outputs.shape)
    scale = max(1.0, float(np.abs(request.outputs).max()))
    worst = float(np.abs(found - request.outputs).max()) / scale
    if not worst <= _TOLERANCE:  # float32 through some tens of layers, summed in another order: 1e-5
        raise InternalError(
            f"the network as Keras 2 computes it differs by {worst:.1e}",
            hint="please report it with the model; --quantize int8 does without Keras 2",
        )


def start_ranges(graph: Graph, examples: Array) -> dict[str, Range]:
    """For each node with a range of its own, the one with the least squared error on `examples`."""
    import tf_keras

    names = [name for name, place in places(graph).items() if place == "own"]
    made = twin.build(graph)
    probes = tf_keras.Model(made.model.inputs, [made.tensors[name] for name in names])
    parts = [
        [np.asarray(v) for v in _listed(probes(_float(examples[at : at + _BATCH]), training=False))]
        for at in range(0, len(examples), _BATCH)
    ]
    return {name: _best_range([part[i] for part in parts]) for i, name in enumerate(names)}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _float(examples: Array) -> Array:
    return np.asarray(examples, np.float32)


def _best_range(parts: list[Array]) -> Range:
    values = np.concatenate([part.ravel() for part in parts])
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if high - low < 1e-6:
        return -1e-6, 1e-6  # nothing but zeros
    if len(values) > 200_000:
        values = values[:: len(values) // 200_000]
    errors = [_squared_error(values, low * share, high * share) for share in _SHARES]
    share = float(_SHARES[int(np.argmin(errors))])
    return low * share, high * share


def _squared_error(values: Array, low: float, high: float) -> float:
    step = (high - low) / 255
    zero = np.rint(-low / step)
    rounded = (np.clip(np.rint(values / step) + zero, 0, 255) - zero) * step
    return float(np.square(rounded - values, dtype=np.float64).sum())


def rounded_twin(graph: Graph, ranges: Ranges) -> Twin:
    """The network up to its class scores, kernels and activations rounded."""
    found = places(graph)

    def round_output(node: Node) -> Any:
        if found[node.name] == "fixed":
            return fixed_layer(node)
        return rounding_layer(node, ranges[node.name]) if found[node.name] == "own" else None

    def make_layer(node: Node) -> Any:
        layer = twin.layer_of(node)
        return rounded_layer(layer, node) if node.kind in WEIGHTED else layer

    return twin.build(graph, [scores_node(graph)], make_layer=make_layer, round_output=round_output)


class Trainer:
    """The rounded network, its teacher and its optimizer as compiled steps, as prune.finetune wants them."""

    def __init__(self, graph: Graph, rounded: Twin, teacher: Graph | None) -> None:
        import tensorflow as tf
        import tf_keras

        self.model = model = rounded.model
        self.optimizer = tf_keras.optimizers.Adam(epsilon=1e-7)
        self.optimizer.build(model.trainable_variables)
        self.teacher = None if teacher is None else twin.build(teacher, [scores_node(teacher)]).model
        masks = [(v, tf.constant(v.numpy() != 0, tf.float32)) for _, v in twin.kernels(graph, rounded)]
        masks = [(variable, mask) for variable, mask in masks if not bool(tf.reduce_all(mask > 0))]
        classes = max(2, int(model.output_shape[1]))

        def scores(network: Any, x: Any, training: bool) -> Any:
            out = network(x, training=training)
            return tf.concat([tf.zeros_like(out), out], axis=-1) if out.shape[-1] == 1 else out

        def step(x: Any, y: Any, taught: Any) -> Any:
            x = tf.cast(x, tf.float32)
            with tf.GradientTape() as tape:
                loss = classifier_loss(scores(model, x, True), tf.one_hot(y, classes), taught)
            gradients = tape.gradient(loss, model.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            for variable, mask in masks:
                variable.assign(variable * mask)
            return loss

        def evaluate(x: Any, y: Any) -> Any:
            found = scores(model, tf.cast(x, tf.float32), False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, found)
            right = tf.cast(tf.argmax(found, axis=-1) == y, tf.float32)
            return tf.reduce_sum(loss), tf.reduce_sum(right)

        def teach(x: Any) -> Any:
            return scores(self.teacher, tf.cast(x, tf.float32), False)

        self.step = tf.function(step, reduce_retracing=True)
        self.evaluate = tf.function(evaluate, reduce_retracing=True)
        self._teach = tf.function(teach, reduce_retracing=True)

    def variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.model.variables)

    def optimizer_variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.optimizer.variables)

    def teach(self, x: Array) -> Array:
        """The teacher's scores for a batch."""
        return np.asarray(self._teach(x))

    def teacher_variables(self) -> tuple[Array, ...]:
        return () if self.teacher is None else tuple(v.numpy() for v in self.teacher.variables)

    def seed_layers(self, seed: int, epoch: int) -> None:
        """Nothing draws random numbers here."""

    def assign(self, variables: tuple[Array, ...], optimizer: tuple[Array, ...] | None = None) -> None:
        for variable, value in zip(self.model.variables, variables, strict=True):
            variable.assign(value)
        if optimizer is not None:
            for variable, value in zip(self.optimizer.variables, optimizer, strict=True):
                variable.assign(value)


def trained_graph(graph: Graph, rounded: Twin) -> Graph:
    """`graph` with the weights that training has left."""
    weights = twin.weights_of(graph, rounded)
    nodes = [replace(n, weights=weights[n.layer]) if n.weights else n for n in graph.nodes]
    return replace(graph, nodes=tuple(nodes))


def learned_ranges(rounded: Twin) -> dict[str, Range]:
    """The range of each node that has its own."""
    layers = rounded.rounding.items()
    return {name: learned_range(layer) for name, layer in layers if hasattr(layer.quantizer, "ends")}


def export_model(graph: Graph, ranges: Ranges) -> Any:
    """The whole trained network with batch 1, activations rounded to their `ranges`.

    Kernels are left to the converter, which gives each output channel the scale that training assumed.
    """

    def round_output(node: Node) -> Any:
        if node.name not in ranges:
            return None
        return ExportedRounding(ranges[node.name], name=f"{node.name}_range")

    return twin.build(graph, batch_size=1, round_output=round_output).model


def convert(model: Any) -> bytes:
    """The int8 `.tflite` of an export model."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    try:
        return bytes(converter.convert())
    except MemoryError:
        raise
    except Exception as error:  # the converter has no error class of its own for all that goes wrong
        last = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason given"]
        raise ModelError(f"the trained model cannot be converted: {last[-1][:300]}", hint=HINT) from error
