"""The loss of a Keras classifier as a function of its conv and dense kernels: what prunability asks for.

The kernels of convolutions and dense layers are one flat vector, layer by layer; biases, batch norms and
everything else stay as they are and are not counted. Losses are cross entropies without penalties, in
evaluation mode (batch norms use their running statistics), from whatever the last layer gives.

Cost: one forward pass over the examples for each evaluation, compiled; `is_within` stops as soon as the
      losses so far prove the limit broken (a cross entropy is never negative)
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import DataError, ModelError
from edgeprune.graph.kinds import CONVOLUTIONS
from edgeprune.prune.trainer import expose_scores, scores_of

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float32]

BATCH = 250


class NetworkLoss:
    """Losses (n,) of the examples `x` (n, *input shape) with classes `y` (n,), for given kernels.

    Made by `network_loss`, which puts the model's own kernels back in the end.
    """

    def __init__(self, model: Any, x: Array, y: Array, jit: bool = False) -> None:
        import tensorflow as tf

        if not len(x) or len(x) != len(y):
            raise DataError(f"{len(x)} examples and {len(y)} labels: a loss needs as many of both, and some")
        self._kernels = kernels_of(model)
        if not self._kernels:
            raise ModelError("the model has no conv or dense kernel: there is nothing to prune")
        self.weights: Vector = np.concatenate([np.ravel(kernel.numpy()) for kernel in self._kernels])
        self.classes: npt.NDArray[np.int64] = np.asarray(y, np.int64)
        stops = range(0, len(x), BATCH)
        with tf.device("CPU"):
            self._x = [tf.constant(x[start : start + BATCH]) for start in stops]
            self._y = [tf.constant(self.classes[start : start + BATCH]) for start in stops]
        images = tf.TensorSpec((None, *x.shape[1:]), self._x[0].dtype)
        classes = tf.TensorSpec((None,), tf.int64)
        restore = expose_scores(model)
        try:  # traced here, while the last activation is out of the way
            forward = scores_of(model)

            def scores(x: Any) -> Any:
                return forward(tf.cast(x, tf.float32), training=False)

            def losses(x: Any, y: Any) -> Any:
                return tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores(x))

            self._scores = tf.function(scores, [images], jit_compile=jit)
            self._losses = tf.function(losses, [images, classes], jit_compile=jit)
            self._scores.get_concrete_function()
            self._losses.get_concrete_function()
        finally:
            restore()

    def __call__(self, weights: Array) -> Vector:
        """The loss of each example."""
        self.assign(weights)
        return np.concatenate([self._losses(x, y).numpy() for x, y in zip(self._x, self._y, strict=True)])

    def is_within(self, weights: Array, limit: float) -> bool:
        """Whether the mean loss is at most `limit`; examples are looked at until it cannot be."""
        self.assign(weights)
        total = 0.0
        for x, y in zip(self._x, self._y, strict=True):
            total += float(np.sum(self._losses(x, y).numpy(), dtype=np.float64))
            if not total <= limit * len(self.classes):
                return False
        return True

    def scores(self, weights: Array) -> Array:
        """Unnormalised class scores, (n, classes)."""
        self.assign(weights)
        return np.concatenate([self._scores(x).numpy() for x in self._x])

    def accuracy(self, weights: Array) -> float:
        """Fraction of the examples whose highest score is their class."""
        return float(np.mean(self.scores(weights).argmax(axis=1) == self.classes))

    def assign(self, weights: Array) -> None:
        """Give the model's kernels the values of the flat `weights`."""
        start = 0
        for kernel in self._kernels:
            stop = start + int(np.prod(kernel.shape))
            kernel.assign(np.reshape(weights[start:stop], kernel.shape))
            start = stop


@contextlib.contextmanager
def network_loss(model: Any, x: Array, y: Array, jit: bool = False) -> Iterator[NetworkLoss]:
    """The loss of the Keras `model` on examples; the model leaves as it came. `jit` compiles with XLA.

    Raises DataError for no examples, or classes that the model does not have; ModelError where the model
    has no kernels, or its output is no vector of classes.
    """
    shape = tuple(model.output_shape)
    if len(shape) != 2:
        raise ModelError(
            f"the model's output has the shape {shape[1:]}, prunability takes a classifier's (classes,)"
        )
    highest = int(np.max(y, initial=0))
    if highest >= max(2, shape[1]) or int(np.min(y, initial=0)) < 0:
        raise DataError(f"class {highest} in the data, but the model has {shape[1]} outputs")
    loss = NetworkLoss(model, x, y, jit)
    try:
        yield loss
    finally:
        loss.assign(loss.weights)


def kernels_of(model: Any) -> list[Any]:
    """The variables that are pruned: kernels of convolutions and dense layers, in the order of layers."""
    found = {}
    for layer in _flatten(model.layers):
        if type(layer).__name__ in CONVOLUTIONS | {"Dense"}:
            for variable in layer.weights:
                if variable.name.endswith("kernel"):
                    found[id(variable)] = variable  # paths may be the same in nested models
    return list(found.values())


def _flatten(layers: Sequence[Any]) -> Iterator[Any]:
    for layer in layers:
        if hasattr(layer, "layers"):
            yield from _flatten(layer.layers)
        else:
            yield layer
