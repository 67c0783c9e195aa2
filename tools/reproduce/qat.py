"""Training for int8 against conversion: a network that int8 hurts, and ResNet-8, which it does not.

    python -m tools.reproduce.qat

The first network is a narrow depthwise-separable CNN for CIFAR-10, trained here, pruned to a quarter of its
MACs by l1 and fine-tuned, whose channels have then been given unequal ranges: batch normalisation and the
weights after each ReLU are scaled against each other, which changes nothing in floating point. MobileNets
come with such channels (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", 2019, arXiv:1906.04721, section 3); one range for a whole tensor then serves few of them well.
The second is ResNet-8 from the shared data, as given. Accuracies are on 5,000 test images, float by Keras,
int8 by the generated C. Writes results/qat.json. About ten minutes on two idle cores; interrupted, it goes
on where it stopped.
"""

import argparse
import json
import logging
import os
import platform
import tempfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune import __version__
from edgeprune.artifact import Stage, Store, code_hash, default_store, sha256_file, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.graph.ir import Graph
from edgeprune.recipe import Recipe
from edgeprune.stages import firmware, int8, network, pruning
from edgeprune.stages.keras_import import import_keras
from edgeprune.stages.tuning import accuracy, predict
from tools.reproduce.cifar10 import folder

RESULT = Path(__file__).parent / "results" / "qat.json"
DATA = "tools.reproduce.cifar10:load"
SEED = 0
TRAIN_EPOCHS, TUNE_EPOCHS, QAT_EPOCHS, RESNET_QAT_EPOCHS = 6, 4, 3, 1
SPEEDUP = 4.0
SPREAD = 1.0  # standard deviation of the logarithm of the channels' factors
BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1))  # channels, stride
log = logging.getLogger("edgeprune")


def ds_cnn() -> Any:
    """A MobileNet (version 1) of seven blocks, with plain ReLU."""
    keras = import_keras()
    layers = keras.layers

    def normalized(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(x))

    x = inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(x)
    x = normalized(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(x))
    for channels, stride in BLOCKS:
        x = normalized(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x))
        x = normalized(layers.Conv2D(channels, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="ds_cnn")


def train(store: Store, data: Dataset) -> Stage:
    """The network, trained; leaves `ds_cnn.keras`."""

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.prune.finetune import finetune

        keras.utils.set_random_seed(SEED)
        model = ds_cnn()
        finetune(
            model,
            data,
            epochs=TRAIN_EPOCHS,
            seed=SEED,
            learning_rate=4e-3,
            augment="flip-crop",
            checkpoint_dir=work,
            log=log.info,
        )
        model.save(result / "ds_cnn.keras", include_optimizer=False)

    inputs = {"epochs": TRAIN_EPOCHS, "data": data.sha256, "code": code_hash("prune"), "net": BLOCKS}
    return store.stage("reproduce-train", {**inputs, "tool": sha256_file(Path(__file__))}, make)


def spread(graph: Graph, rng: np.random.Generator) -> Graph:
    """The same function, the channels of each ReLU between two convolutions at sizes of their own."""
    weights = {node.name: dict(node.weights) for node in graph.nodes}
    for node in graph.nodes:
        if node.kind != "BatchNormalization":
            continue
        behind = graph.users[graph.users[node.name][0].name][0]
        if behind.kind not in ("Conv2D", "DepthwiseConv2D"):
            continue
        factors = np.exp(rng.normal(0, SPREAD, node.shape[-1])).astype(np.float32)
        for name in ("gamma", "beta"):
            weights[node.name][name] = weights[node.name][name] * factors
        name = next(key for key in behind.weights if "kernel" in key)
        weights[behind.name][name] = weights[behind.name][name] / factors[:, None]
    return replace(graph, nodes=tuple(replace(n, weights=weights[n.name]) for n in graph.nodes))


def uneven(store: Store, source: Stage, data: Dataset) -> Stage:
    """`source` with its channels spread, in `model.keras`."""

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.graph.keras_in import from_keras
        from edgeprune.graph.keras_out import to_keras

        model = keras.models.load_model(source.folder / "model.keras", compile=False)
        made = to_keras(spread(from_keras(model), np.random.default_rng(SEED)))
        outputs = predict(model, data), predict(made, data)
        described = {
            "accuracy": accuracy(outputs[1].argmax(axis=1), data),
            "largest_change_of_a_probability": float(np.abs(outputs[0] - outputs[1]).max()),
        }
        made.save(result / "model.keras", include_optimizer=False)
        write_atomic(result / "spread.json", to_json(described))

    inputs = {"source": source.key, "spread": SPREAD, "tool": sha256_file(Path(__file__))}
    return store.stage("reproduce-spread", inputs, make)


def tested(store: Store, tflite: Stage, data: Dataset) -> float:
    """Accuracy of an int8 network, by the generated C."""

    def make(result: Path, work: Path) -> None:
        top1 = firmware.classify(tflite, data, work)
        write_atomic(result / "accuracy.json", to_json({"accuracy": accuracy(top1, data)}))

    inputs = {"tflite": sha256_file(tflite.folder / "model.tflite"), "data": data.sha256}
    found = store.stage("reproduce-test", inputs, make).json("accuracy.json")["accuracy"]
    return float(found)


def compare(store: Store, loaded: Stage, final: Stage, data: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Accuracy converted and trained for int8, and how the training went."""
    converted = network.quantize(store, final, data, recipe)
    trained = int8.quantize_aware(store, loaded, final, data, recipe)
    return {
        "int8": tested(store, converted, data),
        "int8_qat": tested(store, trained, data),
        "qat_epochs": trained.json("qat.json")["epochs"],
    }


def narrow(store: Store) -> dict[str, Any]:
    """The network that int8 hurts."""
    recipe = Recipe(model="ds_cnn.keras", data=DATA, seed=SEED)
    with tempfile.TemporaryDirectory() as temporary:
        untrained = Path(temporary) / "ds_cnn.keras"
        ds_cnn().save(untrained)
        data = network.load_training_data(recipe, network.load(store, untrained))
    made = train(store, data)
    loaded = network.load(store, made.folder / "ds_cnn.keras")
    recipe = recipe.model_copy(
        update={
            "method": "l1",
            "speedup": SPEEDUP,
            "epochs": TUNE_EPOCHS,
            "quantize": "int8-qat",
            "qat_epochs": QAT_EPOCHS,
        }
    )
    steps = pruning.shrink(store, loaded, data, recipe)
    final = uneven(store, steps[-1].tuned, data)
    described = final.json("spread.json")
    row = {
        "macs": loaded.json("network.json")["macs"],
        "macs_pruned": steps[-1].pruned.json("network.json")["macs"],
        "float_unpruned": network.score(store, loaded, data).json("score.json")["accuracy"],
        "float": described["accuracy"],
        "largest_change_by_spreading": described["largest_change_of_a_probability"],
        "int8_before_spreading": tested(store, network.quantize(store, steps[-1].tuned, data, recipe), data),
        **compare(store, loaded, final, data, recipe),
    }
    return {**row, "share_given_back": (row["int8_qat"] - row["int8"]) / (row["float"] - row["int8"])}


def resnet8(store: Store) -> dict[str, Any]:
    """ResNet-8 as given."""
    model = folder() / "mlperf_tiny" / "ic" / "pretrainedResnet.h5"
    recipe = Recipe(model=str(model), data=DATA, seed=SEED, quantize="int8-qat", qat_epochs=RESNET_QAT_EPOCHS)
    loaded = network.load(store, model)
    data = network.load_training_data(recipe, loaded)
    score = network.score(store, loaded, data).json("score.json")["accuracy"]
    return {"float": score, **compare(store, loaded, loaded, data, recipe)}


def main() -> int:
    """Run what is not there yet, write the result, print the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["ds_cnn_spread", "resnet8"])
    only = parser.parse_args().only
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    store = Store(default_store())
    rows = json.loads(RESULT.read_text(encoding="utf-8"))["rows"] if RESULT.is_file() else {}
    for name, run in (("ds_cnn_spread", narrow), ("resnet8", resnet8)):
        if only in (None, name):
            rows[name] = run(store)
            save(rows)
    for name, row in rows.items():
        print(name, *(f"{key} {100 * row[key]:.2f} %" for key in ("float", "int8", "int8_qat")))
    return 0


def save(rows: dict[str, Any]) -> None:
    """Write what is known so far, with what it was made with."""
    packages = ("numpy", "keras", "tensorflow-cpu", "tf-keras", "tensorflow-model-optimization", "ziglang")
    result = {
        "command": "python -m tools.reproduce.qat",
        "versions": {
            "edgeprune": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "seed": SEED,
        "settings": {
            "train_epochs": TRAIN_EPOCHS,
            "fine_tuning_epochs": TUNE_EPOCHS,
            "qat_learning_rate": int8.QAT_LEARNING_RATE,
            "spread": SPREAD,
        },
        "rows": rows,
    }
    write_atomic(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
