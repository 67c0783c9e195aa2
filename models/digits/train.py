"""Train the demo network: a small residual CNN on scikit-learn's 8x8 digits.

    python models/digits/train.py            # writes digits.keras and card.md beside this file

Needs edgeprune[build]; about a minute on one core. The split is that of `--data sklearn:digits`.
"""

from pathlib import Path

import keras
import numpy as np

from edgeprune.data import load_data

SEED = 0
EPOCHS = 40


def network() -> keras.Model:
    """(8, 8, 1) in 0..1 to 10 classes: stem, residual block, depthwise block, pooling, dense."""
    layers = keras.layers

    def conv(x: keras.KerasTensor, filters: int, kernel: int, strides: int = 1) -> keras.KerasTensor:
        x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    image = keras.Input((8, 8, 1), name="image")
    x = layers.ReLU()(conv(image, 24, 3))
    y = layers.ReLU()(conv(x, 24, 3))
    x = layers.ReLU()(layers.Add()([x, conv(y, 24, 3)]))
    x = layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.ReLU()(conv(x, 48, 1))
    x = layers.ReLU()(conv(x, 48, 3))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="digit")(x), name="digits")


def main() -> None:
    """Train, and write the model and its card."""
    keras.utils.set_random_seed(SEED)
    data = load_data("sklearn:digits", input_shape=(8, 8, 1), output_shape=(10,))
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * (len(data.x_train) // 32 + 1))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data.x_train, data.y_train, batch_size=32, epochs=EPOCHS, verbose=2)
    accuracy = float(np.mean(model.predict(data.x_test, verbose=0).argmax(-1) == data.y_test))
    here = Path(__file__).parent
    model.save(here / "digits.keras", include_optimizer=False)
    card = f"""# digits

A small residual CNN for 8x8 grey digits (scikit-learn's copy of the UCI set), input 0..1, 10 classes,
{model.count_params():,} parameters. It is what `edgeprune demo` prunes, compiles and measures.

- trained by `python models/digits/train.py` (seed {SEED}, {EPOCHS} epochs, Adam, cosine schedule)
- data: `sklearn:digits`, {len(data.x_train)} training and {len(data.x_test)} test images
- test accuracy, float: {accuracy:.4f}
- Keras {keras.__version__}
"""
    (here / "card.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    main()
