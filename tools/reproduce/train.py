"""Networks that the studies prune and nobody has published: ResNet-20 on CIFAR-10, DS-CNN on spoken digits.

    python -m tools.reproduce.train resnet20 --epochs 30
    python -m tools.reproduce.train dscnn --epochs 60

Trained by edgeprune's own fine-tuning from random weights (Adam, cosine, flips and shifts for images), so
the recipe is not that of the papers: ResNet-20's is 182 epochs of SGD (ALGORITHMS section 2.6), shortened
here, and the result says so. Interrupted, it goes on after the last whole epoch. Leaves
build/reproduce/NAME.keras and results/NAME.json.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import write_atomic
from tools.reproduce import cifar10, spoken_digits

RESULTS = Path(__file__).parent / "results"
MODELS = Path(__file__).parents[2] / "build" / "reproduce"


@dataclass(frozen=True, eq=False)
class Samples:
    """What fine-tuning takes."""

    x_train: Any
    y_train: Any


def resnet20() -> Any:
    """He et al. 2016, section 4.2: three stages of three blocks, 16, 32 and 64 channels; 1x1 shortcuts."""
    import keras

    layers = keras.layers

    def conv(x: Any, filters: int, size: int, stride: int = 1) -> Any:
        return layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)

    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(conv(x, 16, 3)))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(layers.BatchNormalization()(conv(x, filters, 3, stride)))
            y = layers.BatchNormalization()(conv(y, filters, 3))
            if stride > 1:
                x = layers.BatchNormalization()(conv(x, filters, 1, stride))
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="resnet20")


def dscnn() -> Any:
    """Zhang et al. 2017, "Hello Edge", small: a convolution and four depthwise separable blocks of 64."""
    import keras

    layers = keras.layers
    inputs = keras.Input((spoken_digits.WINDOWS, spoken_digits.COEFFICIENTS, 1))
    x = layers.Conv2D(64, (10, 4), 2, "same", use_bias=False)(inputs)
    x = layers.Dropout(0.2)(layers.ReLU()(layers.BatchNormalization()(x)))
    for _ in range(4):
        x = layers.DepthwiseConv2D(3, 1, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 1, use_bias=False)(x)))
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.4)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="dscnn")


NETWORKS: dict[str, tuple[Callable[[], Any], Callable[[], Any], str | None, float]] = {
    "resnet20": (resnet20, cifar10.load, "flip-crop", 4e-3),
    "dscnn": (dscnn, spoken_digits.load, None, 4e-3),
}


def main() -> int:
    """Train one network; leave its file and its result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    from edgeprune.prune.finetune import finetune

    make, load, augment, rate = NETWORKS[given.network]
    x_train, y_train, x_test, y_test = load()
    keras.utils.set_random_seed(given.seed)
    model = make()
    history = finetune(
        model,
        Samples(x_train, y_train),
        epochs=given.epochs,
        seed=given.seed,
        batch_size=128 if len(x_train) > 10_000 else 32,
        learning_rate=rate,
        augment=augment,
        patience=given.epochs,
        checkpoint_dir=MODELS / f"{given.network}-training",
        log=lambda line: print(line, flush=True),
    )
    top1 = np.concatenate(
        [np.asarray(model(x_test[at : at + 250].astype(np.float32))) for at in range(0, len(x_test), 250)]
    ).argmax(axis=1)
    MODELS.mkdir(parents=True, exist_ok=True)
    model.save(MODELS / f"{given.network}.keras")
    result = {
        "command": f"python -m tools.reproduce.train {given.network} --epochs {given.epochs}",
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("edgeprune", "numpy", "keras", "tensorflow-cpu")},
        },
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "seed": given.seed,
        "training_examples": len(x_train),
        "test_examples": len(x_test),
        "test_accuracy": float(np.mean(top1 == y_test)),
        "best_epoch": history.best.number,
        "epochs": [{k: v for k, v in asdict(epoch).items() if k != "seconds"} for epoch in history.epochs],
    }
    write_atomic(RESULTS / f"{given.network}.json", json.dumps(result, indent=1) + "\n")
    print(f"test accuracy {100 * result['test_accuracy']:.2f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
