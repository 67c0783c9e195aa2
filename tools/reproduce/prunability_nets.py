"""The networks of the prunability study: small NiN-like CNNs trained to one training cross entropy."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.reproduce.cifar10 import load

Array = npt.NDArray[Any]

TRAINING_IMAGES = 2500
TARGET_LOSS = 0.1
MOST_EPOCHS = 100
RATE_DECAY = 0.98  # of the learning rate, each epoch: without it the larger rates never settle
MOMENTUM = 0.9
SWEEP_WIDTHS = (12, 16, 24, 32, 48, 64, 96)
NOISY_WIDTHS = (48, 64, 96)  # narrower ones cannot learn a fifth of random labels by heart


@dataclass(frozen=True)
class Net:
    """One network of the study: its hyperparameters, and the part of the study that it belongs to."""

    part: str
    width: int
    learning_rate: float
    batch_size: int
    depth: int
    weight_decay: float
    label_noise: float = 0.0
    seed: int = 0

    @property
    def key(self) -> str:
        """Names the network among all; another way of training makes another one."""
        trained = [asdict(self), TRAINING_IMAGES, TARGET_LOSS, MOST_EPOCHS, RATE_DECAY, MOMENTUM]
        return hashlib.sha256(json.dumps(trained).encode()).hexdigest()[:12]


BASE = Net("sweep", width=32, learning_rate=0.03, batch_size=32, depth=2, weight_decay=0.0)


def nets() -> list[Net]:
    """All of them: 64 of the grid, 14 of the width sweep, 6 of the sweep with a fifth of random labels.

    In an order of chance, so that what an unfinished study has is a fair part of it.
    """
    axes = ((24, 32, 44, 60), (0.03, 0.1), (16, 64), (2, 3), (0.0, 5e-4))
    found = [Net("grid", *values) for values in product(*axes)]
    found += [replace(BASE, width=width, seed=seed) for seed, width in product((0, 1), SWEEP_WIDTHS)]
    for seed, width in product((0, 1), NOISY_WIDTHS):
        found.append(replace(BASE, part="noise", width=width, label_noise=0.2, seed=seed))
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))]


@dataclass(frozen=True, eq=False)
class Images:
    """CIFAR-10, 16 x 16 pixels of mean 0 and deviation 1 per colour, and classes."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


@cache
def images() -> Images:
    """The first 2,500 training and the 5,000 test images, 2 x 2 pixels averaged into one."""
    x_train, y_train, x_test, y_test = load()
    small = [_halve(x_train[:TRAINING_IMAGES]), _halve(x_test)]
    mean, deviation = small[0].mean(axis=(0, 1, 2)), small[0].std(axis=(0, 1, 2))
    scaled = [((x - mean) / deviation).astype(np.float32) for x in small]
    return Images(scaled[0], y_train[:TRAINING_IMAGES].astype(np.int64), scaled[1], y_test.astype(np.int64))


def _halve(pixels: Array) -> Array:
    count, height, width, colours = pixels.shape
    tiles = pixels.reshape(count, height // 2, 2, width // 2, 2, colours)
    averaged: Array = tiles.mean(axis=(2, 4), dtype=np.float32)
    return averaged


def labels_of(net: Net) -> Array:
    """Training classes; the net's share of them drawn anew (so a tenth of those stay right)."""
    labels = images().y_train.copy()
    rng = np.random.default_rng([net.seed, 7])
    picked = rng.permutation(len(labels))[: round(net.label_noise * len(labels))]
    labels[picked] = rng.integers(0, 10, len(picked))
    return labels


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained Keras model, what it was at first, and how it got there."""

    model: Any
    initial: list[Array]
    epochs: int
    has_reached_target: bool
    train_loss: float
    train_error: float
    loss_sum: float


def build(net: Net) -> Any:
    """`depth` blocks of conv 3x3 stride 2 and two conv 1x1, batch norm and ReLU after each; no softmax."""
    import keras

    keras.utils.set_random_seed(net.seed)
    layers = keras.layers
    source = x = keras.Input((16, 16, 3))
    for _ in range(net.depth):
        for window, stride in ((3, 2), (1, 1), (1, 1)):
            x = layers.Conv2D(net.width, window, strides=stride, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(10, 1)(x))
    return keras.Model(source, x)


def train(net: Net) -> Trained:
    """SGD with momentum until the mean training loss, in evaluation mode, is at most TARGET_LOSS."""
    import tensorflow as tf

    model = build(net)
    initial = [np.array(weight) for weight in model.get_weights()]
    x, y = tf.constant(images().x_train), tf.constant(labels_of(net))
    optimizer, step, evaluate = _steps(model, net)
    loss_sum = 0.0
    for epoch in range(1, MOST_EPOCHS + 1):
        optimizer.learning_rate.assign(net.learning_rate * RATE_DECAY ** (epoch - 1))
        order = np.random.default_rng([net.seed, epoch]).permutation(TRAINING_IMAGES)
        losses = [
            step(tf.gather(x, batch), tf.gather(y, batch))
            for batch in np.split(order, range(net.batch_size, len(order), net.batch_size))
            if len(batch) == net.batch_size
        ]
        loss_sum += float(np.mean([float(loss) for loss in losses]))
        found = [evaluate(x[i : i + 500], y[i : i + 500]) for i in range(0, TRAINING_IMAGES, 500)]
        loss, right = (float(np.mean([float(f[k]) for f in found])) for k in (0, 1))
        if loss <= TARGET_LOSS or not np.isfinite(loss):
            break
    return Trained(model, initial, epoch, loss <= TARGET_LOSS, loss, 1 - right, loss_sum)


def _steps(model: Any, net: Net) -> tuple[Any, Any, Any]:
    """The optimizer, and compiled functions: one training step, mean loss and accuracy of a batch."""
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.SGD(net.learning_rate, momentum=MOMENTUM)
    optimizer.build(model.trainable_variables)
    kernels = [variable for variable in model.trainable_variables if variable.name == "kernel"]

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores))
            decay = tf.add_n([tf.nn.l2_loss(kernel.value) for kernel in kernels]) * net.weight_decay
            total = loss + decay
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        return loss

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def evaluate(x: Any, y: Any) -> Any:
        scores = model(x, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
        return tf.reduce_mean(losses), tf.reduce_mean(tf.cast(tf.argmax(scores, 1) == y, tf.float32))

    return optimizer, step, evaluate
