"""A Keras classifier as compiled training steps: scores from any last layer, loss, teacher, optimizer.

The loss is cross entropy with smoothed labels. With a teacher it is, for the most part, the cross
entropy with the teacher's softened outputs on the same images, and the labels need no smoothing.

Weights can be held under 0/1 masks and pulled to zero by extra decay (guide.py says what that means).

Source:  Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
         arXiv:1503.02531 (the factor temperature^2 keeps gradients comparable); Kingma and Ba, "Adam",
         2015, arXiv:1412.6980; Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019,
         arXiv:1711.05101 (a guide's decay)
Differs: penalties that the layers carry (kernel regularisers) are added, as Keras does
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.prune.guide import Steering, WeightKey

Array = npt.NDArray[Any]

_LABEL_SMOOTHING = 0.05
_TEACHER_SHARE = 0.9
_TEMPERATURE = 4.0
_SMALLEST_PROBABILITY = 1e-7
_LEAST_MOMENTUM = 0.8


def make_deterministic() -> None:
    """Repeatable TensorFlow kernels; holds for the whole process."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def thread_count() -> int:
    """Threads that share one kernel: another number sums in another order, and ends in other bytes.

    TensorFlow takes it from TF_NUM_INTRAOP_THREADS when it starts, else from the machine's cores.
    """
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    return int(chosen or os.environ.get("TF_NUM_INTRAOP_THREADS", 0) or cores)


def expose_scores(model: Any) -> Callable[[], None]:
    """Make a last softmax or sigmoid the identity; returns the function that puts it back."""
    import keras

    last = model.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", None)
    if activation not in (keras.activations.softmax, keras.activations.sigmoid):
        return lambda: None
    last.activation = keras.activations.linear

    def restore() -> None:
        last.activation = activation

    return restore


def follow_statistics(model: Any, steps: int) -> Callable[[], None]:
    """Let batch normalisation follow within a third of an epoch of so many `steps`; returns what undoes it.

    With few steps an epoch Keras's momentum of 0.99 leaves the averages of the network before pruning in
    place for epochs, and inference is wrong although training goes well.
    """
    layers = [layer for layer in layers_of(model) if hasattr(layer, "moving_mean")]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = min(layer.momentum, max(_LEAST_MOMENTUM, 1 - 3 / steps))

    def restore() -> None:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum

    return restore


class Trainer:
    """A model, its teacher and its optimizer as compiled TensorFlow steps.

    `is_steered` makes room for masks and decay; without it a step does nothing of that.
    """

    def __init__(self, model: Any, teacher: Any, is_steered: bool = False) -> None:
        import keras
        import tensorflow as tf

        self.model = model
        self.teacher = teacher
        self.optimizer = keras.optimizers.Adam(epsilon=1e-7)
        self.optimizer.build(model.trainable_variables)
        self._by_key = {
            (layer.name, w.name): w for layer in layers_of(model) for w in layer.trainable_weights
        }
        self._held = _Held(model.trainable_variables, self.optimizer) if is_steered else None
        held = self._held
        student_scores = scores_of(model)
        targets = max(2, int(model.output_shape[1]))

        def step(x: Any, y: Any, taught: Any) -> Any:
            x = tf.cast(x, tf.float32)
            masters = held.mask() if held else []
            with tf.GradientTape() as tape:
                scores = student_scores(x, training=True)
                loss = classifier_loss(scores, tf.one_hot(y, targets), taught)
                loss += tf.add_n(model.losses) if model.losses else 0.0
            gradients = tape.gradient(loss, model.trainable_variables)
            if held:
                held.apply(gradients, masters)
            else:
                self.optimizer.apply(gradients, model.trainable_variables)
            return loss

        def evaluate(x: Any, y: Any) -> Any:
            scores = student_scores(tf.cast(x, tf.float32), training=False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
            right = tf.cast(tf.argmax(scores, axis=-1) == y, tf.float32)
            return tf.reduce_sum(loss), tf.reduce_sum(right)

        self.step = tf.function(step, reduce_retracing=True)
        self._teach = _compiled_scores(teacher) if teacher is not None else None
        self.evaluate = tf.function(evaluate, reduce_retracing=True)

    def weights(self) -> dict[WeightKey, Array]:
        """The weights that can be trained; under a mask, their masters."""
        return {key: variable.numpy() for key, variable in self._by_key.items()}

    def steer(self, steering: Steering) -> None:
        """Let the next steps run under other masks or decay, or with other weights."""
        for key, value in steering.weights.items():
            self._by_key[key].assign(np.broadcast_to(value, self._by_key[key].shape))
        if self._held is not None:
            for kind in ("masks", "decay"):
                self._held.put(kind, getattr(steering, kind), self._by_key)

    def variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.model.variables)

    def optimizer_variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.optimizer.variables)

    def teach(self, x: Array) -> Array:
        """The teacher's scores for a batch."""
        assert self._teach is not None
        return np.asarray(self._teach(x))

    def teacher_variables(self) -> tuple[Array, ...]:
        return tuple(v.numpy() for v in self.teacher.variables) if self.teacher is not None else ()

    def seed_layers(self, seed: int, epoch: int) -> None:
        """Give layers that draw random numbers (dropout) a state that follows from seed and epoch."""
        for index, variable in enumerate(self.model.variables):
            if variable.path.endswith("seed_generator_state"):
                draw = np.random.default_rng([seed, epoch, index])
                variable.assign(draw.integers(0, 2**31, variable.shape).astype(variable.dtype))

    def assign(self, variables: tuple[Array, ...], optimizer: tuple[Array, ...] | None = None) -> None:
        for variable, value in zip(self.model.variables, variables, strict=True):
            variable.assign(value)
        if optimizer is not None:
            for variable, value in zip(self.optimizer.variables, optimizer, strict=True):
                variable.assign(value)


class _Held:
    """Masks and extra decay of trained variables, and the step under them."""

    def __init__(self, variables: Any, optimizer: Any) -> None:
        import tensorflow as tf

        self._variables, self._optimizer = list(variables), optimizer
        self.masks = [tf.Variable(tf.ones(v.shape)) for v in self._variables]
        self.decay = [tf.Variable(tf.zeros(v.shape)) for v in self._variables]
        self._slots = list(zip(optimizer._momentums, optimizer._velocities, strict=True))

    def put(
        self, kind: str, values: Mapping[WeightKey, Array] | None, by_key: Mapping[WeightKey, Any]
    ) -> None:
        """Replace all masks or all decay; what `values` leaves out is free of it. None changes nothing."""
        if values is None:
            return
        places = {id(variable): place for place, variable in enumerate(self._variables)}
        arrays = {places[id(by_key[key])]: value for key, value in values.items()}
        neutral = 1.0 if kind == "masks" else 0.0
        for place, held in enumerate(getattr(self, kind)):
            value = np.asarray(arrays.get(place, neutral), np.float32)
            held.assign(np.broadcast_to(value, held.shape))

    def mask(self) -> list[Any]:
        """Multiply the weights by their masks; returns the masters."""
        import tensorflow as tf

        masters = [tf.identity(v.value) for v in self._variables]
        for variable, master, mask in zip(self._variables, masters, self.masks, strict=True):
            variable.assign(master * mask)
        return masters

    def apply(self, gradients: list[Any], masters: list[Any]) -> None:
        """One optimizer step on what no mask holds; all else, moments included, is put back."""
        import tensorflow as tf

        moments = [[tf.identity(slot.value) for slot in slots] for slots in self._slots]
        rate = tf.cast(self._optimizer.learning_rate, tf.float32)
        masked = [gradient * mask for gradient, mask in zip(gradients, self.masks, strict=True)]
        self._optimizer.apply(masked, self._variables)
        for place, (variable, master) in enumerate(zip(self._variables, masters, strict=True)):
            is_free = self.masks[place] > 0.5
            pulled = variable.value * (1 - tf.minimum(rate * self.decay[place], 1.0))
            variable.assign(tf.where(is_free, pulled, master))
            for slot, before in zip(self._slots[place], moments[place], strict=True):
                slot.assign(tf.where(is_free, slot.value, before))


def layers_of(model: Any) -> list[Any]:
    """The layers of `model`, those of nested models among them."""
    return [layer for layer in model._flatten_layers(include_self=False) if not hasattr(layer, "layers")]


def scores_of(model: Any) -> Callable[..., Any]:
    """The model's unnormalised class scores, (N, classes), from whatever its last layer gives."""
    import keras
    import tensorflow as tf

    last = model.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", None)
    softmax = isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax

    def scores(x: Any, training: bool) -> Any:
        out = model(x, training=training)
        if activation is keras.activations.sigmoid:
            out = tf.math.log(tf.maximum(out, _SMALLEST_PROBABILITY)) - tf.math.log(
                tf.maximum(1 - out, _SMALLEST_PROBABILITY)
            )
        elif softmax:
            out = tf.math.log(tf.maximum(out, _SMALLEST_PROBABILITY))
        return tf.concat([tf.zeros_like(out), out], axis=-1) if model.output_shape[1] == 1 else out

    return scores


def _compiled_scores(model: Any) -> Callable[[Array], Any]:
    import tensorflow as tf

    scores = scores_of(model)

    def run(x: Any) -> Any:
        return scores(tf.cast(x, tf.float32), training=False)

    compiled: Callable[[Array], Any] = tf.function(run, reduce_retracing=True)
    return compiled


def classifier_loss(scores: Any, one_hot: Any, teacher: Any) -> Any:
    """Mean loss of a batch: smoothed cross entropy, or plain and the divergence from the teacher."""
    import tensorflow as tf

    classes = one_hot.shape[-1]
    if teacher is None:
        smooth = one_hot * (1 - _LABEL_SMOOTHING) + _LABEL_SMOOTHING / classes
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smooth, scores))
    labelled = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(one_hot, scores))
    target = tf.stop_gradient(tf.nn.softmax(teacher / _TEMPERATURE))
    taught = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, scores / _TEMPERATURE))
    return (1 - _TEACHER_SHARE) * labelled + _TEACHER_SHARE * _TEMPERATURE**2 * taught
