"""A Keras classifier as compiled training steps: scores from any last layer, loss, teacher, optimizer.

The loss is cross entropy with smoothed labels. With a teacher it is, for the most part, the cross
entropy with the teacher's softened outputs on the same images, and the labels need no smoothing.

Source:  Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
         arXiv:1503.02531 (the factor temperature^2 keeps gradients comparable); Kingma and Ba, "Adam",
         2015, arXiv:1412.6980
Differs: penalties that the layers carry (kernel regularisers) are added, as Keras does
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LABEL_SMOOTHING = 0.05
_TEACHER_SHARE = 0.9
_TEMPERATURE = 4.0
_SMALLEST_PROBABILITY = 1e-7


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


class Trainer:
    """A model, its teacher and its optimizer as compiled TensorFlow steps."""

    def __init__(self, model: Any, teacher: Any) -> None:
        import keras
        import tensorflow as tf

        self.model = model
        self.teacher = teacher
        self.optimizer = keras.optimizers.Adam(epsilon=1e-7)
        self.optimizer.build(model.trainable_variables)
        teacher_scores = _scores(teacher) if teacher is not None else None
        student_scores = _scores(model)
        targets = max(2, int(model.output_shape[1]))

        def step(x: Any, y: Any) -> Any:
            x = tf.cast(x, tf.float32)
            with tf.GradientTape() as tape:
                scores = student_scores(x, training=True)
                loss = _loss(
                    scores, tf.one_hot(y, targets), teacher_scores and teacher_scores(x, training=False)
                )
                loss += tf.add_n(model.losses) if model.losses else 0.0
            self.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return loss

        def evaluate(x: Any, y: Any) -> Any:
            scores = student_scores(tf.cast(x, tf.float32), training=False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
            right = tf.cast(tf.argmax(scores, axis=-1) == y, tf.float32)
            return tf.reduce_sum(loss), tf.reduce_sum(right)

        self.step = tf.function(step, reduce_retracing=True)
        self.evaluate = tf.function(evaluate, reduce_retracing=True)

    def variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.model.variables)

    def optimizer_variables(self) -> tuple[Array, ...]:
        return tuple(np.array(v.numpy()) for v in self.optimizer.variables)

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


def _scores(model: Any) -> Callable[..., Any]:
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


def _loss(scores: Any, one_hot: Any, teacher: Any) -> Any:
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
