"""Stages on the float network: load, score, prune, fine-tune, quantise.

TensorFlow is imported inside the functions that a stage runs, so a stage that is reused costs nothing.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, sha256_file, to_json, write_atomic
from edgeprune.data import SCALES, Dataset, load_data
from edgeprune.errors import ModelError, UsageError
from edgeprune.recipe import Recipe
from edgeprune.stages.keras_import import import_keras

log = logging.getLogger("edgeprune")

LEARNING_RATE = 4e-3
STEPS_PER_EPOCH = 40
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
EPOCHS = 20
STEP_RATE = 0.5  # learning rate between steps, of the last step's
ROUND_TO = (4, 2, 1)
TOLERANCE = 0.02
BAR = 30
PREDICT_BATCH = 256


@dataclass(frozen=True)
class Step:
    """One round of pruning and the fine-tuning after it."""

    pruned: Stage
    tuned: Stage


@dataclass(frozen=True)
class Trained:
    """The float network through its stages; `steps` only when it was pruned."""

    loaded: Stage
    score: Stage
    steps: tuple[Step, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All of them, in order."""
        rounds = (stage for step in self.steps for stage in (step.pruned, step.tuned))
        return (self.loaded, self.score, *rounds)

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
        write_atomic(result / "network.json", to_json(_describe(graph)))

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


def _describe(graph: Any) -> dict[str, Any]:
    """Shapes and cost of a Graph as JSON values."""
    from edgeprune.graph.cost import count

    cost = count(graph)
    return {
        "inputs": [list(graph.by_name[name].shape) for name in graph.inputs],
        "outputs": [list(graph.by_name[name].shape) for name in graph.outputs],
        "macs": cost.macs,
        "params": cost.parameters,
        "layers": [
            {
                "name": node.name,
                "kind": node.kind,
                "macs": cost.by_node[node.name].macs,
                "params": cost.by_node[node.name].parameters,
            }
            for node in graph.nodes
        ],
    }


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


def predict(model: Any, data: Dataset) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Outputs of a Keras model on the test set, (examples, outputs)."""
    rows = [
        np.asarray(model(data.batch(data.x_test[start : start + PREDICT_BATCH]), training=False))
        for start in range(0, len(data.x_test), PREDICT_BATCH)
    ]
    return np.concatenate(rows).reshape(len(data.x_test), -1)


def accuracy(top1: np.ndarray[Any, Any], data: Dataset) -> float:
    """Fraction of the test set that `top1` (class per example) has right."""
    return float(np.mean(top1 == data.y_test))


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


def shrink(store: Store, loaded: Stage, data: Dataset, recipe: Recipe) -> tuple[Step, ...]:
    """Prune and fine-tune, in one step or several: a little goes, the rest recovers, more goes.

    The speed-ups of the steps are a geometric series up to the recipe's. Every step but the last has one
    epoch; the last has all that are left.
    """
    epochs = EPOCHS if recipe.epochs is None else recipe.epochs
    count = recipe.steps
    if count > max(1, epochs):
        raise UsageError(f"{count} steps need at least {count} epochs, --epochs is {epochs}")
    steps: list[Step] = []
    for number in range(1, count + 1):
        is_last = number == count
        source = steps[-1].tuned if steps else loaded
        pruned = prune(
            store, loaded, source, recipe, share=number / count, name=_numbered("prune", number, count)
        )
        share = epochs - (count - 1) if is_last else 1
        name = _numbered("finetune", number, count)
        tuned = finetune(store, loaded, pruned, data, recipe, epochs=share, is_last=is_last, name=name)
        steps.append(Step(pruned, tuned))
    return tuple(steps)


def _numbered(name: str, number: int, count: int) -> str:
    return name if count == 1 else f"{name}-{number}"


def prune(
    store: Store, loaded: Stage, source: Stage, recipe: Recipe, *, share: float = 1.0, name: str = "prune"
) -> Stage:
    """Remove channels of `source` physically, and prove the smaller network equal to the masked one.

    The network then costs the MACs of `loaded` / speedup^share.
    """
    if recipe.speedup is None:
        raise UsageError(f"--method {recipe.method} needs --speedup S, the MACs before / after")
    wanted_macs = loaded.json("network.json")["macs"] / recipe.speedup**share
    arguments: Mapping[str, Any] = {
        "method": recipe.method,
        "wanted_macs": wanted_macs,
        "is_last": share == 1,
        "scope": recipe.scope,
        "round_to": recipe.round_to,
        "keep": list(recipe.keep),
        "seed": recipe.seed,
    }

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.graph.check import check
        from edgeprune.graph.keras_in import from_keras
        from edgeprune.graph.keras_out import to_keras
        from edgeprune.prune.apply import apply
        from edgeprune.prune.check import check_pruned

        graph = from_keras(keras.models.load_model(source.folder / "model.keras", compile=False))
        planned = _plan(graph, recipe, wanted_macs, is_last=share == 1)
        for frozen in planned.frozen:
            log.info("           %s is left alone: %s", frozen.layer, frozen.reason)
        pruned = apply(graph, planned)
        check(pruned)
        worst = check_pruned(graph, pruned, planned.removed, np.random.default_rng(recipe.seed))
        speedup = planned.speedup
        log.info("           %.2fx fewer MACs; equal to the masked network within %.1e", speedup, worst)
        to_keras(pruned).save(result / "model.keras")
        write_atomic(result / "network.json", to_json(_describe(pruned)))
        described = {
            "removed": {layer: list(indices) for layer, indices in planned.removed.items()},
            "left_alone": {frozen.layer: frozen.reason for frozen in planned.frozen},
            "masked_difference": worst,
        }
        write_atomic(result / "plan.json", to_json(described))

    inputs = {source.name: source.key, **arguments, "code": code_hash("graph", "prune")}
    return store.stage(name, inputs, make)


def _plan(graph: Any, recipe: Recipe, wanted_macs: float, is_last: bool) -> Any:
    """What to remove of `graph` so that `wanted_macs` stay.

    Kernels compute four channels at a time, so the last step keeps a multiple of four where that meets
    the wanted MACs within 2 %, else of two, else any number; unless the recipe says what to round to.
    """
    from edgeprune.graph.cost import count
    from edgeprune.prune.methods import METHODS
    from edgeprune.prune.plan import plan

    speedup = max(1.0, count(graph).macs / wanted_macs)
    for round_to in (recipe.round_to,) if recipe.round_to else ROUND_TO if is_last else (1,):
        planned = plan(
            graph,
            method=METHODS[str(recipe.method)],
            speedup=speedup,
            rng=np.random.default_rng(recipe.seed),
            scope=recipe.scope,
            round_to=round_to,
            keep=recipe.keep,
        )
        if planned.speedup <= speedup * (1 + TOLERANCE):
            break
    return planned


def finetune(
    store: Store,
    loaded: Stage,
    pruned: Stage,
    data: Dataset,
    recipe: Recipe,
    *,
    epochs: int,
    is_last: bool = True,
    name: str = "finetune",
) -> Stage:
    """Train the pruned network, the original as its teacher unless the recipe says otherwise."""
    batch_size = recipe.batch_size or _batch_size(len(data.x_train))
    rate = LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    settings: dict[str, Any] = {
        "epochs": epochs,
        "seed": recipe.seed,
        "batch_size": batch_size,
        "learning_rate": rate if is_last else rate * STEP_RATE,
        "augment": _augment(recipe, data),
    }

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.prune.finetune import finetune as train

        model = keras.models.load_model(pruned.folder / "model.keras", compile=False)
        before = accuracy(predict(model, data).argmax(axis=1), data)
        teacher = None
        if recipe.distill:
            teacher = keras.models.load_model(loaded.folder / "model.keras", compile=False)
        history: list[dict[str, Any]] = []
        if epochs:
            bar = progress_bar(name)
            trained = train(
                model, data, **settings, checkpoint_dir=work, log=log.info, distill_from=teacher, on_step=bar
            )
            history = [asdict(epoch) for epoch in trained.epochs]
        after = accuracy(predict(model, data).argmax(axis=1), data)
        log.info("           test accuracy %.2f %%, before tuning %.2f %%", 100 * after, 100 * before)
        model.save(result / "model.keras", include_optimizer=False)
        described = {"accuracy_before": before, "accuracy": after, "epochs": history}
        write_atomic(result / "tuning.json", to_json(described))

    inputs = {
        "prune": pruned.key,
        "data": data.sha256,
        **settings,
        "distill": recipe.distill,
        "code": code_hash("data", "prune"),
    }
    return store.stage(name, inputs, make)


def progress_bar(name: str) -> Callable[[Any], None] | None:
    """A line on a terminal that shows how far an epoch is; None where nobody would see it move."""
    if not sys.stderr.isatty() or not log.isEnabledFor(logging.INFO):
        return None

    def show(progress: Any) -> None:
        filled = BAR * progress.step // progress.steps
        bar = "#" * filled + "-" * (BAR - filled)
        end = "\r" if progress.step < progress.steps else "\r\x1b[K"
        text = f"{name} epoch {progress.epoch}/{progress.epochs} [{bar}] {progress.step}/{progress.steps}"
        sys.stderr.write(text + end)
        sys.stderr.flush()

    return show


def _batch_size(examples: int) -> int:
    """128, or the power of two that gives some forty steps an epoch: batch norm needs them to follow."""
    power = (examples // STEPS_PER_EPOCH).bit_length() - 1
    return max(16, min(128, 1 << max(0, power)))


def _augment(recipe: Recipe, data: Dataset) -> str | None:
    """The augmentation's name; `auto` mirrors and shifts what is surely a photograph, and nothing else."""
    if recipe.augment != "auto":
        return None if recipe.augment == "none" else recipe.augment
    shape = data.x_train.shape[1:]
    is_photograph = len(shape) == 3 and min(shape[:2]) >= 24 and shape[2] == 3
    return "flip-crop" if is_photograph else None


def quantize(store: Store, final: Stage, data: Dataset, recipe: Recipe) -> Stage:
    """Full int8, ranges from training examples; leaves `model.tflite`."""

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.quant import quantize as convert

        model = keras.models.load_model(final.folder / "model.keras", compile=False)
        raw = convert(model, data, samples=recipe.samples, seed=recipe.seed)
        (result / "model.tflite").write_bytes(raw)
        write_atomic(result / "io.json", to_json(_describe_io(raw)))

    inputs = {
        final.name: final.key,
        "data": data.sha256,
        "samples": recipe.samples,
        "seed": recipe.seed,
        "code": code_hash("data", "quant", "graph"),
    }
    return store.stage("quantize", inputs, make)


def take_tflite(store: Store, model: Path) -> Stage:
    """A `.tflite` as it is, read once to know that it can be."""
    check_is_file(model)

    def make(result: Path, work: Path) -> None:
        raw = model.read_bytes()
        try:
            described = _describe_io(raw)
        except ModelError as error:
            raise ModelError(f"{model.name}: {error.message}", hint=error.hint) from error
        write_atomic(result / "io.json", to_json(described))
        (result / "model.tflite").write_bytes(raw)

    inputs = {"model": sha256_file(model), "code": code_hash("tflite")}
    return store.stage("load", inputs, make)


def copy_model(stage: Stage, place: Path) -> None:
    """Write the stage's Keras model to `place`, as a whole or not at all."""
    write_atomic(place, (stage.folder / "model.keras").read_bytes())


def _describe_io(raw: bytes) -> dict[str, Any]:
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
