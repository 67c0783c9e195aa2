"""The network run in Keras for what criteria ask: activations, gradients, loss.

Everything runs in inference mode (moving averages of batch normalisation), in batches, on examples as
the network takes them. The loss is the mean cross entropy with the labels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.graph.ir import Graph
from edgeprune.prune.layers import activation_name

Array = npt.NDArray[Any]
WeightKey = tuple[str, str]  # layer, Keras's name of the weight

_BATCH = 250


class Probe:
    """A classifier's Graph as Keras models; arrays go in and come out."""

    def __init__(self, graph: Graph) -> None:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise UsageError(
                f"{graph.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; this "
                "pruning method takes one of each",
                hint="choose a method that looks at weights alone, such as l1",
            )
        self._graph = scores_graph(graph)
        self._models: dict[tuple[str, ...], Any] = {}

    def outputs(self, names: Sequence[str], x: Array) -> dict[str, Array]:
        """The outputs of the named nodes for `x`, (N, *shape) each."""
        parts = [self._run(tuple(names), x[start : start + _BATCH]) for start in range(0, len(x), _BATCH)]
        return {name: np.concatenate([np.asarray(part[i]) for part in parts]) for i, name in enumerate(names)}

    def output_gradients(
        self, names: Sequence[str], x: Array, y: Array
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Outputs of the named nodes, and the gradients of each example's own loss by them."""
        import tensorflow as tf

        values: list[list[Array]] = [[] for _ in names]
        gradients: list[list[Array]] = [[] for _ in names]
        for start in range(0, len(x), _BATCH):
            stop = start + _BATCH
            with tf.GradientTape() as tape:
                source = tf.constant(np.asarray(x[start:stop], np.float32))
                tape.watch(source)
                outs = self._run(tuple(names), source)
                loss = tf.reduce_sum(self._losses(tf, outs[-1], y[start:stop]))
            found = tape.gradient(loss, list(outs[:-1]), unconnected_gradients="zero")
            for i in range(len(names)):
                values[i].append(np.asarray(outs[i]))
                gradients[i].append(np.asarray(found[i]))
        joined = [{n: np.concatenate(a[i]) for i, n in enumerate(names)} for a in (values, gradients)]
        return joined[0], joined[1]

    def weight_gradients(self, x: Array, y: Array) -> Mapping[WeightKey, Array]:
        """The gradient of the mean loss by every weight that can be trained."""
        import tensorflow as tf

        model = self._model(())
        keys = [(layer.name, weight.name) for layer in model.layers for weight in layer.trainable_weights]
        variables = [weight.value for layer in model.layers for weight in layer.trainable_weights]
        total = [np.zeros(variable.shape, np.float64) for variable in variables]
        for start in range(0, len(x), _BATCH):
            stop = start + _BATCH
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(self._losses(tf, self._run((), x[start:stop])[-1], y[start:stop]))
            for i, gradient in enumerate(tape.gradient(loss, variables, unconnected_gradients="zero")):
                total[i] += np.asarray(tf.convert_to_tensor(gradient), np.float64)
        return {key: array / len(x) for key, array in zip(keys, total, strict=True)}

    def loss(self, x: Array, y: Array, weights: Mapping[WeightKey, Array] | None = None) -> float:
        """Mean loss on labelled examples, with some `weights` replaced for this call."""
        with_weights = dict(weights or {})
        held = self._assign(with_weights)
        try:
            return self._mean_loss(x, y)
        finally:
            self._assign(held)

    def _mean_loss(self, x: Array, y: Array) -> float:
        total = 0.0
        for start in range(0, len(x), _BATCH):
            stop = start + _BATCH
            total += float(self._loss_of_batch(np.asarray(x[start:stop], np.float32), y[start:stop]))
        return total / len(x)

    @cached_property
    def _loss_of_batch(self) -> Callable[[Array, Array], Any]:
        import tensorflow as tf

        model = self._model(())

        def loss(x: Any, y: Any) -> Any:
            return tf.reduce_sum(self._losses(tf, model(x, training=False), y))

        compiled: Callable[[Array, Array], Any] = tf.function(loss, reduce_retracing=True)
        return compiled

    def _assign(self, weights: Mapping[WeightKey, Array]) -> dict[WeightKey, Array]:
        """Put `weights` in; returns what was there."""
        before = {}
        for layer, name in weights:
            variable = next(w for w in self._model(()).get_layer(layer).weights if w.name == name)
            before[layer, name] = np.array(variable.numpy())
            variable.assign(weights[layer, name])
        return before

    def _run(self, names: tuple[str, ...], x: Any) -> Sequence[Any]:
        """Outputs of the nodes, and at the end the class scores."""
        out = self._model(names)(x, training=False)
        return out if isinstance(out, list | tuple) else [out]

    def _model(self, names: tuple[str, ...]) -> Any:
        if names not in self._models:
            from edgeprune.graph.keras_out import to_keras

            wanted = (*names, *self._graph.outputs)
            self._models[names] = to_keras(replace(self._graph, outputs=wanted))
        return self._models[names]

    def _losses(self, tf: Any, scores: Any, y: Array) -> Any:
        scores = _two_classes(tf, tf.reshape(scores, (tf.shape(scores)[0], -1)))
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)


def _two_classes(tf: Any, scores: Any) -> Any:
    """One score is the logarithm of the odds of the second of two classes."""
    return tf.concat([tf.zeros_like(scores), scores], axis=-1) if scores.shape[-1] == 1 else scores


def scores_graph(graph: Graph) -> Graph:
    """`graph` with the scores before its last softmax or sigmoid as output."""
    last = graph.by_name[graph.outputs[0]]
    if last.kind == "Softmax" or (
        last.kind == "Activation" and activation_name(last) in ("softmax", "sigmoid")
    ):
        nodes = tuple(node for node in graph.nodes if node.name != last.name)
        return replace(graph, nodes=nodes, outputs=(last.inputs[0],))
    if activation_name(last) in ("softmax", "sigmoid"):
        linear = replace(last, config={**last.config, "activation": "linear"})
        nodes = tuple(linear if node.name == last.name else node for node in graph.nodes)
        return replace(graph, nodes=nodes)
    return graph
