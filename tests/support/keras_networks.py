"""A family of small Keras networks, one for each way in which channels can hang together."""

from collections.abc import Callable
from typing import Any

import numpy as np

Build = Callable[[Any], Any]


def _sequential(layers: Any) -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, strides=2, padding="same", activation="sigmoid"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(20, activation="tanh"),
            layers.Dense(5, activation="softmax"),
        ]
    )


def _model(shape: tuple[int, ...], body: Callable[[Any, Any], Any]) -> Build:
    def build(layers: Any) -> Any:
        import keras

        source = keras.Input(shape)
        return keras.Model(source, body(layers, source))

    return build


def _residual(layers: Any, x: Any) -> Any:
    stem = layers.Conv2D(16, 3, padding="same", name="stem")(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(stem))
    x = layers.Conv2D(16, 3, padding="same")(x)
    x = layers.Add()([stem, layers.BatchNormalization()(x)])
    short = layers.Conv2D(24, 1, strides=2)(x)
    x = layers.Conv2D(24, 3, strides=2, padding="same")(layers.LeakyReLU()(x))
    x = layers.Subtract()([layers.PReLU(shared_axes=[1, 2])(x), short])
    return layers.Dense(4)(layers.GlobalMaxPooling2D()(x))


def _concat(layers: Any, x: Any) -> Any:
    one = layers.Conv2D(8, 1, activation="relu")(x)
    two = layers.Conv2D(12, 3, padding="same")(x)
    x = layers.Concatenate()([one, x, two])
    x = layers.BatchNormalization()(x)
    joined = layers.Conv2D(23, 3, padding="same")(x)
    last = layers.Concatenate()([joined, layers.Conv2D(6, 1)(joined)])
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(last))


def _concat_added(layers: Any, x: Any) -> Any:
    parts = [layers.Conv2D(8, 3, padding="same")(x), layers.Conv2D(12, 1)(x)]
    x = layers.Average()([layers.Concatenate()(parts), layers.Conv2D(20, 1)(x)])
    return layers.Dense(3)(layers.Flatten()(layers.AveragePooling2D(3, padding="same")(x)))


def _depthwise(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(10, 3)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(layers.ReLU()(x))
    x = layers.Conv2D(16, 1)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, strides=2, activation="relu6")(layers.ZeroPadding2D(1)(x))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(20, 1)(x)))


def _separable(layers: Any, x: Any) -> Any:
    x = layers.SeparableConv2D(16, 3, depth_multiplier=2, activation="elu")(x)
    x = layers.SeparableConv2D(20, 3, depth_multiplier=3, padding="same")(x)
    return layers.Dense(4)(layers.Flatten()(x))


def _flatten(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255)(x))
    x = layers.Cropping2D(1)(layers.Permute((2, 1, 3))(x))
    x = layers.Dense(24, activation="softplus")(layers.Flatten()(x))
    x = layers.BatchNormalization()(layers.PReLU()(x))
    return layers.Dense(4, activation="softmax")(layers.Dense(16)(x))


def _reshape(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(12, 3, padding="same")(x)
    x = layers.Reshape((144, 12))(x)
    x = layers.Conv1D(10, 3, strides=3, activation="relu")(x)
    x = layers.Reshape((6, 8, 10))(x)
    x = layers.Conv2D(8, 3)(x)
    x = layers.Reshape((1, 1, 192))(layers.Flatten()(x))
    return layers.Dense(3)(layers.Flatten()(layers.Conv2D(12, 1)(x)))


def _squeeze_excite(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(16, 3, padding="same", activation="silu")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation="relu")(gate)
    x = layers.Multiply()([x, layers.Conv2D(16, 1, activation="sigmoid")(gate)])
    x = layers.Conv2D(12, 3, strides=2)(x)
    where = layers.Conv2D(1, 1, activation="hard_sigmoid", name="where")(x)
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Multiply()([x, where])))


def _transposed(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(12, 3, strides=2, padding="same", activation="gelu")(x)
    x = layers.Conv2DTranspose(10, 3, strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 2, strides=3, activation="relu")(layers.BatchNormalization()(x))
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D(3, padding="same")(x))
    return layers.Conv2D(3, 3, dilation_rate=2)(x)


def _one_dimensional(layers: Any, x: Any) -> Any:
    x = layers.Conv1D(16, 5, padding="causal", activation="relu")(x)
    x = layers.MaxPooling1D(2)(layers.BatchNormalization()(x))
    x = layers.Conv1DTranspose(12, 4, strides=2, padding="same")(x)
    x = layers.DepthwiseConv1D(3)(layers.ZeroPadding1D(1)(x))
    x = layers.UpSampling1D(2)(layers.AveragePooling1D(3, strides=2)(x))
    x = layers.SeparableConv1D(14, 3)(x)
    return layers.Dense(4)(layers.GlobalMaxPooling1D()(x))


def _shared(layers: Any, x: Any) -> Any:
    twice = layers.Conv2D(10, 3, padding="same", activation="relu", name="twice")
    norm = layers.BatchNormalization()
    one = layers.Conv2D(10, 1, name="before")(x)
    x = norm(twice(norm(twice(one))))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1)(x)))


def _nested(layers: Any, x: Any) -> Any:
    import keras

    inner_source = keras.Input((12, 12, 12))
    inner = layers.Conv2D(12, 3, padding="same", activation="relu")(inner_source)
    block = keras.Model(inner_source, layers.Maximum()([inner, inner_source]), name="block")
    x = block(layers.Conv2D(12, 1)(x))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(10, 1)(x)))


def _frozen_kinds(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, name="into_groups")(x)
    x = layers.Conv2D(8, 3, groups=4, name="grouped")(x)
    x = layers.Conv2D(12, 1, name="free")(x)
    x = layers.Conv2D(12, 1, name="into_norm")(x)
    x = layers.LayerNormalization()(x)
    x = layers.Conv2D(6, 1, activation="softmax", name="soft")(x)
    return layers.Dense(3, name="scores")(layers.GlobalAveragePooling2D()(x))


IMAGE = (12, 12, 3)
NETWORKS: dict[str, Build] = {
    "sequential": _sequential,
    "residual": _model(IMAGE, _residual),
    "concat": _model(IMAGE, _concat),
    "concat_added": _model(IMAGE, _concat_added),
    "depthwise": _model(IMAGE, _depthwise),
    "separable": _model(IMAGE, _separable),
    "flatten": _model(IMAGE, _flatten),
    "reshape": _model(IMAGE, _reshape),
    "squeeze_excite": _model(IMAGE, _squeeze_excite),
    "transposed": _model(IMAGE, _transposed),
    "one_dimensional": _model((24, 6), _one_dimensional),
    "shared": _model(IMAGE, _shared),
    "nested": _model(IMAGE, _nested),
    "frozen_kinds": _model(IMAGE, _frozen_kinds),
}


def build(name: str, seed: int = 0) -> Any:
    """The Keras network `name` with random weights everywhere, statistics and biases included."""
    import keras

    model = NETWORKS[name](keras.layers)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        low = 0.5 if variable.name == "moving_variance" else -0.5
        variable.assign(rng.uniform(low, low + 1.0, tuple(variable.shape)))
    return model
