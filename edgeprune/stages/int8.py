"""Stages between the float and the int8 network: training for int8, and what int8 costs layer by layer."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, sha256_file, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.recipe import Recipe
from edgeprune.stages.firmware import to_input
from edgeprune.stages.keras_import import import_keras
from edgeprune.stages.network import Trained, describe_io, quantize
from edgeprune.stages.progress import progress_bar
from edgeprune.stages.tuning import load_teacher, training_settings

log = logging.getLogger("edgeprune")

QAT_EPOCHS = 5
QAT_LEARNING_RATE = 3e-4
EXAMPLES = 16
LARGEST_MACS = 400_000_000  # the operators' references take some seconds for as many
WORTH_POINTS = 1.0


def to_int8(store: Store, trained: Trained, data: Dataset, recipe: Recipe) -> Stage:
    """The int8 network as the recipe wants it: trained for int8, or converted; leaves `model.tflite`."""
    if recipe.quantize == "int8-qat":
        return quantize_aware(store, trained.loaded, trained.final, data, recipe)
    return quantize(store, trained.final, data, recipe)


def quantize_aware(store: Store, loaded: Stage, final: Stage, data: Dataset, recipe: Recipe) -> Stage:
    """Train `final` for int8, the original as its teacher unless the recipe says otherwise."""
    epochs = QAT_EPOCHS if recipe.qat_epochs is None else recipe.qat_epochs
    settings = training_settings(recipe, data, epochs, QAT_LEARNING_RATE)

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.quant.qat import Settings
        from edgeprune.quant.qat import quantize_aware as train

        model = keras.models.load_model(final.folder / "model.keras", compile=False)
        outcome = train(
            model,
            data,
            Settings(**settings),
            work,
            teacher=load_teacher(recipe, loaded),
            samples=recipe.samples,
            log=lambda line: log.info("           %s", line),
            on_step=progress_bar("qat"),
        )
        (result / "model.tflite").write_bytes(outcome.raw)
        write_atomic(result / "io.json", to_json(describe_io(outcome.raw)))
        described = {"best_epoch": outcome.best_epoch, "epochs": list(outcome.epochs)}
        write_atomic(result / "qat.json", to_json(described))

    inputs = {
        "loaded": loaded.key if recipe.distill else None,
        final.name: final.key,
        "data": data.sha256,
        "samples": recipe.samples,
        **settings,
        "code": code_hash("data", "quant", "graph", "prune"),
    }
    return store.stage("qat", inputs, make)


def compare_layers(store: Store, trained: Trained, tflite: Stage, data: Dataset, recipe: Recipe) -> Stage:
    """Each int8 operator against its float layer on a few test examples; leaves `layers.json`."""
    macs = trained.final_network["macs"]
    count = max(2, min(EXAMPLES, LARGEST_MACS // max(1, macs), len(data.x_test)))

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.graph.keras_in import from_keras
        from edgeprune.graph.keras_out import to_keras
        from edgeprune.ops import ReferenceModel
        from edgeprune.quant.layer_error import layer_errors
        from edgeprune.tflite.read import read

        chosen = np.random.default_rng(recipe.seed).choice(len(data.x_test), count, replace=False)
        examples = data.batch(data.x_test[np.sort(chosen)])
        graph = from_keras(keras.models.load_model(trained.final.folder / "model.keras", compile=False))
        names = tuple(node.name for node in graph.nodes if node.kind != "InputLayer")
        outputs = to_keras(replace(graph, outputs=names))(examples, training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        floats = {name: np.asarray(values) for name, values in zip(names, outputs, strict=True)}
        quantized = read((tflite.folder / "model.tflite").read_bytes())
        tensor = quantized.tensors[quantized.inputs[0]]
        reference = ReferenceModel(quantized)
        runs = [reference.trace([x.reshape(tensor.shape)]) for x in to_input(examples, tensor)]
        integers = {index: np.stack([run[index] for run in runs]) for index in runs[0]}
        found = layer_errors(graph, floats, quantized, integers)
        write_atomic(result / "layers.json", to_json([asdict(error) for error in found]))

    inputs = {
        "tflite": sha256_file(tflite.folder / "model.tflite"),
        trained.final.name: trained.final.key,
        "data": data.sha256,
        "examples": count,
        "seed": recipe.seed,
        "code": code_hash("data", "quant", "graph", "ops", "tflite", "stages/int8.py"),
    }
    return store.stage("layer-error", inputs, make)


def describe(
    store: Store, trained: Trained, tflite: Stage, tested: Stage, data: Dataset, recipe: Recipe
) -> dict[str, Any]:
    """What int8 costs, for the manifest; logs a warning where training for int8 is worth its time.

    Layers are compared where the network was converted; trained for int8, it has weights of its own.
    """
    from edgeprune.quant.layer_error import LayerError, worst_layers

    layers: list[Mapping[str, Any]] = []
    if recipe.quantize == "int8":
        layers = compare_layers(store, trained, tflite, data, recipe).json("layers.json")
    before = _float_accuracy(trained)
    lost = 100 * (before - tested.json("evaluate.json")["accuracy"])
    worst = worst_layers([LayerError(**layer) for layer in layers])
    advice = None
    if recipe.quantize == "int8" and lost > WORTH_POINTS:
        advice = f"int8 loses {lost:.2f} points, most of it in {', '.join(worst)}; try --quantize int8-qat"
        log.warning("%s", advice)
    return {
        "quantize": recipe.quantize,
        "float_accuracy": before,
        "lost_points": lost,
        "worst_layers": list(worst),
        "advice": advice,
        "layers": layers,
    }


def _float_accuracy(trained: Trained) -> float:
    """Test accuracy of the float network that became int8."""
    if trained.steps:
        return float(trained.final.json("tuning.json")["accuracy"])
    return float(trained.score.json("score.json")["accuracy"])
