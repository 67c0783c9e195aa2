"""The blocks that well-known architectures are made of, as networks small enough to check in a second."""

from collections.abc import Callable
from typing import Any

import numpy as np


def _hard_sigmoid(layers: Any, x: Any) -> Any:
    return layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)


def _mobilenet_v3(layers: Any, x: Any) -> Any:
    """Inverted residual with a gate for each channel, its mean kept as an image of one pixel."""
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = entry = layers.BatchNormalization()(x)
    x = layers.BatchNormalization()(layers.Conv2D(24, 1, use_bias=False, name="expand")(x))
    x = layers.Multiply()([x, _hard_sigmoid(layers, x)])
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation="relu", name="squeeze")(gate)
    gate = _hard_sigmoid(layers, layers.Conv2D(24, 1, name="excite")(gate))
    x = layers.Conv2D(8, 1, use_bias=False, name="project")(layers.Multiply()([x, gate]))
    x = layers.Add()([entry, layers.BatchNormalization()(x)])
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Flatten()(layers.Conv2D(4, 1, name="scores")(layers.Conv2D(16, 1, name="top")(x)))


def _efficientnet(layers: Any, x: Any) -> Any:
    """Normalised input, padded depthwise convolution, a gate through Reshape, dropped paths."""
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Normalization(axis=3, mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7])(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
    x = entry = layers.Activation("swish")(layers.BatchNormalization()(x))
    x = layers.Conv2D(32, 1, use_bias=False, name="expand")(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(5, padding="same", use_bias=False)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    gate = layers.Reshape((1, 1, 32))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(4, 1, activation="swish", name="squeeze")(gate)
    gate = layers.Conv2D(32, 1, activation="sigmoid", name="excite")(gate)
    x = layers.Conv2D(8, 1, use_bias=False, name="project")(layers.Multiply()([x, gate]))
    x = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1))(layers.BatchNormalization()(x))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(layers.Add()([x, entry])))
    return layers.Dense(4, activation="softmax")(x)


def _separable_twice(layers: Any, x: Any, filters: int) -> Any:
    for _ in range(2):
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(layers.ReLU()(x))
        x = layers.BatchNormalization()(x)
    return x


def _nasnet(layers: Any, x: Any) -> Any:
    """Sums of separable paths and pools, joined; what comes from before is halved along two ways."""
    before = layers.Conv2D(6, 3, padding="same", name="stem")(x)
    now = layers.Conv2D(8, 3, strides=2, padding="same", name="reduce")(before)
    before = layers.ReLU()(before)
    one = layers.AveragePooling2D(1, strides=2)(before)
    two = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(before))
    two = layers.AveragePooling2D(1, strides=2)(two)
    halves = [layers.Conv2D(4, 1, use_bias=False)(each) for each in (one, two)]
    before = layers.BatchNormalization()(layers.Concatenate()(halves))
    paths = [
        layers.Add()([_separable_twice(layers, now, 8), _separable_twice(layers, before, 8)]),
        layers.Add()([layers.AveragePooling2D(3, strides=1, padding="same")(now), before]),
        layers.Add()([_separable_twice(layers, now, 8), now]),
    ]
    x = layers.ReLU()(layers.Concatenate()([before, *paths]))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(x))


def _convnext(layers: Any, x: Any) -> Any:
    """Depthwise as a grouped convolution, normalisation over channels, a scale for each channel."""
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7])(x)
    x = layers.LayerNormalization()(layers.Conv2D(8, 2, strides=2, name="stem")(x))
    for block in (1, 2):
        y = layers.Conv2D(8, 3, padding="same", groups=8)(x)
        y = layers.Dense(32, name=f"expand_{block}")(layers.LayerNormalization(epsilon=1e-6)(y))
        y = layers.Dense(8, name=f"project_{block}")(layers.Activation("gelu")(y))
        y = LayerScale(0.1, 8, name=f"scale_{block}")(y)
        x = x + StochasticDepth(0.1, name=f"depth_{block}")(y)
    x = layers.LayerNormalization(name="head")(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(4, name="scores")(x)


def _layer_scale(layers: Any, x: Any) -> Any:
    """A scale for each channel where channels may go."""
    from keras.src.applications.convnext import LayerScale

    x = layers.Conv2D(12, 3, name="first")(x)
    x = LayerScale(0.3, 12, name="scale")(x)
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(10, 3)(x)))


def _inception_resnet(layers: Any, x: Any) -> Any:
    """Branches of different depth joined, brought back and added at a fraction of their size."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    entry = layers.Conv2D(12, 3, activation="relu", name="stem")(x)
    one = layers.Conv2D(6, 1, activation="relu")(entry)
    two = layers.Conv2D(8, (1, 7), padding="same")(layers.Conv2D(6, 1)(entry))
    two = layers.ReLU()(layers.BatchNormalization(scale=False)(two))
    three = layers.Conv2D(5, 1)(layers.AveragePooling2D(3, strides=1, padding="same")(entry))
    x = layers.Conv2D(12, 1, name="back")(layers.Concatenate(axis=3)([one, two, three]))
    x = layers.ReLU()(CustomScaleLayer(scale=0.17, name="join")([entry, x]))
    x = layers.Concatenate()([layers.MaxPooling2D(3, strides=2)(x), layers.Conv2D(6, 3, strides=2)(x)])
    return layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def _densenet(layers: Any, x: Any) -> Any:
    """Each layer reads all that came before it, normalised anew; then a transition to half of that."""
    x = layers.ZeroPadding2D(((1, 1), (1, 1)))(layers.Conv2D(8, 3, padding="same", name="stem")(x))
    for _ in range(3):
        y = layers.Conv2D(12, 1, use_bias=False)(layers.ReLU()(layers.BatchNormalization()(x)))
        y = layers.Conv2D(6, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(y)))
        x = layers.Concatenate()([x, y])
    x = layers.Conv2D(13, 1)(layers.ReLU()(layers.BatchNormalization()(x)))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.AveragePooling2D(2, strides=2)(x)))


def _xception(layers: Any, x: Any) -> Any:
    """Separable convolutions beside a strided short cut."""
    x = layers.Conv2D(8, 3, name="stem")(x)
    short = layers.BatchNormalization()(layers.Conv2D(12, 1, strides=2, padding="same")(x))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(_separable_twice(layers, x, 12))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Add()([x, short])))


def _regnet(layers: Any, x: Any) -> Any:
    """A grouped convolution in a residual block with a gate (RegNet, ResNeXt)."""
    x = entry = layers.Conv2D(12, 3, strides=2, name="stem")(x)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 1, name="narrow")(x)))
    x = layers.Conv2D(24, 3, padding="same", groups=4, use_bias=False, name="grouped")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(6, 1, activation="relu", name="squeeze")(gate)
    x = layers.Multiply()([x, layers.Conv2D(24, 1, activation="sigmoid", name="excite")(gate)])
    x = layers.ReLU()(layers.Add()([entry, layers.Conv2D(12, 1, name="widen")(x)]))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(x))


def _group_for_each(layers: Any, x: Any) -> Any:
    """Depthwise convolutions written as grouped ones, with one and with two filters for each channel."""
    x = layers.Conv2D(10, 3, name="first")(x)
    x = layers.Conv2D(10, 3, groups=10, padding="same", name="one_each")(x)
    x = layers.Conv2D(20, 3, groups=10, padding="same", activation="relu", name="two_each")(x)
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(12, 1)(x)))


BLOCKS: dict[str, Callable[[Any, Any], Any]] = {
    "mobilenet_v3": _mobilenet_v3,
    "efficientnet": _efficientnet,
    "nasnet": _nasnet,
    "convnext": _convnext,
    "layer_scale": _layer_scale,
    "inception_resnet": _inception_resnet,
    "densenet": _densenet,
    "xception": _xception,
    "regnet": _regnet,
    "group_for_each": _group_for_each,
}


def randomized(model: Any, seed: int = 0) -> Any:
    """`model` with all weights drawn anew, so that no normalisation is the identity."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.name not in ("mean", "variance", "count"):
            low = 0.5 if variable.name == "moving_variance" else -0.5
            variable.assign(rng.uniform(low, low + 1.0, tuple(variable.shape)))
    return model


def build(name: str) -> Any:
    """The Keras network `name`, 12 x 12 pixels in and 4 numbers out."""
    import keras

    source = keras.Input((12, 12, 3))
    return randomized(keras.Model(source, BLOCKS[name](keras.layers, source)))
