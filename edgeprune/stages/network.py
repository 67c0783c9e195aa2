"""Stages on the float network: load, score, quantise; pruning.py and tuning.py have what lies between.

TensorFlow is imported inside the functions that a stage runs, so a stage that is reused costs nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, sha256_file, to_json, write_atomic
from edgeprune.data import SCALES, Dataset, load_data
from edgeprune.errors import ModelError, UsageError
from edgeprune.recipe import Recipe
from edgeprune.stages.describe import describe_network
from edgeprune.stages.keras_import import import_keras
from edgeprune.stages.pruning import Step
from edgeprune.stages.tuning import accuracy, predict

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Trained:
    """The float network through its stages; `steps` only when it was pruned."""

    loaded: Stage
    score: Stage
    steps: tuple[Step, ...] = ()
    prunability: Stage | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All of them, in order."""
        rounds = (stage for step in self.steps for stage in (*step.before, step.tuned))
        before = () if self.prunability is None else (self.prunability,)
        return (self.loaded, self.score, *before, *rounds)

    @property
    def final(self) -> Stage:
        """The stage whose model is quantised."""
        return self.steps[-1].tuned if self.steps else self.loaded

    @property
    def final_network(self) -> dict[str, Any]:
        """Cost of the network that is quantised, per layer."""
        described: dict[str, Any] = (self.steps[-1].pruned if self.steps else self.loaded).json(
            "network.json"
        )
        return described


def load(store: Store, model: Path) -> Stage:
    """Read a Keras model of any age into `model.keras`, with its cost per layer in `network.json`."""
    check_is_file(model)
    if model.suffix not in KERAS_SUFFIXES:
        raise ModelError(
            f"{model}: a model is .keras, .h5 or an int8 .tflite",
            hint="save it from Keras with model.save('model.keras')",
        )

    def make(result: Path, work: Path) -> None:
        from edgeprune.graph.check import check
        from edgeprune.graph.keras_in import from_keras
        from edgeprune.graph.keras_out import to_keras
        from edgeprune.graph.load import load_model

        import_keras()
        graph = from_keras(load_model(model))
        check(graph)
        to_keras(graph).save(result / "model.keras")
        write_atomic(result / "network.json", to_json(describe_network(graph)))

    inputs = {"model": sha256_file(model), "suffix": model.suffix, "code": code_hash("graph")}
    return store.stage("load", inputs, make)


def check_is_file(model: Path) -> None:
    """Raise ModelError unless there is a file at `model`."""
    if model.is_dir():
        raise ModelError(
            f"{model} is a folder, a model is one file",
            hint="a SavedModel: load it in Keras and save a .keras",
        )
    if not model.is_file():
        raise ModelError(f"no model at {model}", hint="give a .keras, .h5 or int8 .tflite file")


def load_training_data(recipe: Recipe, loaded: Stage) -> Dataset:
    """The data set of the recipe, checked against the model; a Keras model cannot do without."""
    if recipe.data is None:
        raise UsageError(
            "a Keras model needs --data: int8 ranges come from training examples",
            hint="--data FILE.npz with x_train y_train x_test y_test, an image folder, or keras:NAME",
        )
    shapes = loaded.json("network.json")
    return _load_data(recipe, _single(shapes["inputs"]), _single(shapes["outputs"]))


def _load_data(recipe: Recipe, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> Dataset:
    assert recipe.data is not None
    data = load_data(recipe.data, input_shape=input_shape, output_shape=output_shape)
    return data.scaled(SCALES[recipe.scale])


def _single(shapes: list[list[int]]) -> tuple[int, ...]:
    if len(shapes) != 1:
        raise ModelError(
            f"the model has {len(shapes)} inputs or outputs; training and calibration take one of each",
            hint="split the model, or quantise it yourself and give the .tflite",
        )
    return tuple(shapes[0])


def load_test_data(recipe: Recipe, tflite: Stage) -> Dataset | None:
    """The data set for a `.tflite`, if the recipe names one."""
    if recipe.data is None:
        return None
    described = tflite.json("io.json")
    return _load_data(
        recipe,
        _single([tensor["shape"] for tensor in described["inputs"]]),
        _single([tensor["shape"] for tensor in described["outputs"]]),
    )


def score(store: Store, loaded: Stage, data: Dataset) -> Stage:
    """Float accuracy of the model as given, and its class for each test example."""

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.data import check_scaling

        model = keras.models.load_model(loaded.folder / "model.keras", compile=False)
        check_scaling(model, data)
        top1 = predict(model, data).argmax(axis=1)
        np.save(result / "top1.npy", top1.astype(np.int32))
        write_atomic(result / "score.json", to_json({"accuracy": accuracy(top1, data)}))

    inputs = {"load": loaded.key, "data": data.sha256, "code": code_hash("data", "stages")}
    return store.stage("score", inputs, make)


def quantize(store: Store, final: Stage, data: Dataset, recipe: Recipe) -> Stage:
    """Full int8, ranges from training examples, or as the recipe says; leaves `model.tflite`."""
    is_float = recipe.quantize in ("float32", "dynamic")

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.quant import quantize as convert
        from edgeprune.quant.float_range import to_float

        model = keras.models.load_model(final.folder / "model.keras", compile=False)
        if is_float:
            raw = to_float(model, has_int8_weights=recipe.quantize == "dynamic")
        else:
            raw = convert(model, data, samples=recipe.samples, seed=recipe.seed)
        (result / "model.tflite").write_bytes(raw)
        write_atomic(result / "io.json", to_json(describe_io(raw)))

    inputs = {
        final.name: final.key,
        "data": data.sha256,
        "samples": recipe.samples,
        "seed": recipe.seed,
        "code": code_hash("data", "quant", "graph"),
        **({"quantize": recipe.quantize} if is_float else {}),
    }
    return store.stage("quantize", inputs, make)


def take_tflite(store: Store, model: Path) -> Stage:
    """A `.tflite` as it is, read once to know that it can be."""
    check_is_file(model)

    def make(result: Path, work: Path) -> None:
        raw = model.read_bytes()
        try:
            described = describe_io(raw)
        except ModelError as error:
            raise ModelError(f"{model.name}: {error.message}", hint=error.hint) from error
        write_atomic(result / "io.json", to_json(described))
        (result / "model.tflite").write_bytes(raw)

    inputs = {"model": sha256_file(model), "code": code_hash("tflite")}
    return store.stage("load", inputs, make)


def copy_model(stage: Stage, place: Path) -> None:
    """Write the stage's Keras model to `place`, as a whole or not at all."""
    write_atomic(place, (stage.folder / "model.keras").read_bytes())


def describe_io(raw: bytes) -> dict[str, Any]:
    """Inputs and outputs of a `.tflite` as JSON values."""
    from edgeprune.tflite.read import read

    graph = read(raw)

    def describe(index: int) -> dict[str, Any]:
        tensor = graph.tensors[index]
        single = tensor.quantization is not None and len(tensor.quantization.scales) == 1
        return {
            "name": tensor.name,
            "shape": list(tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape),
            "dtype": tensor.dtype,
            "scale": tensor.scale if single else None,
            "zero_point": tensor.zero_point if single else None,
        }

    return {
        "inputs": [describe(i) for i in graph.inputs],
        "outputs": [describe(i) for i in graph.outputs],
    }
