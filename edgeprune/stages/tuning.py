"""The fine-tuning stage, and what every stage that trains or scores a Keras model shares."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.recipe import Recipe
from edgeprune.stages.keras_import import import_keras
from edgeprune.stages.progress import progress_bar

log = logging.getLogger("edgeprune")

EPOCHS = 20
LEARNING_RATE = 4e-3
STEP_RATE = 0.5  # learning rate between steps, of the last step's
STEPS_PER_EPOCH = 40
PREDICT_BATCH = 256


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


def learning_rate(recipe: Recipe) -> float:
    """The highest of the fine-tuning's schedule."""
    return LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate


def training_settings(recipe: Recipe, data: Dataset, epochs: int, rate: float) -> dict[str, Any]:
    """The arguments of `prune.finetune.finetune` that follow from the recipe and the data."""
    return {
        "epochs": epochs,
        "seed": recipe.seed,
        "batch_size": batch_size(recipe, data),
        "learning_rate": rate,
        "augment": _augment(recipe, data),
    }


def load_teacher(recipe: Recipe, loaded: Stage) -> Any:
    """The original network, or None where the recipe wants no teacher."""
    keras = import_keras()
    return keras.models.load_model(loaded.folder / "model.keras", compile=False) if recipe.distill else None


def finetune(
    store: Store,
    loaded: Stage,
    pruned: Stage,
    data: Dataset,
    recipe: Recipe,
    *,
    epochs: int,
    is_last: bool = True,
    hold_zeros: bool = False,
    name: str = "finetune",
) -> Stage:
    """Train the pruned network, the original as its teacher unless the recipe says otherwise.

    `hold_zeros`: weights that pruning made zero stay zero.
    """
    rate = learning_rate(recipe) * (1.0 if is_last else STEP_RATE)
    settings = training_settings(recipe, data, epochs, rate) | {"hold_zeros": hold_zeros}

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.prune.finetune import finetune as train

        model = keras.models.load_model(pruned.folder / "model.keras", compile=False)
        before = accuracy(predict(model, data).argmax(axis=1), data)
        history: list[dict[str, Any]] = []
        after = last = before
        if epochs:
            trained = train(
                model,
                data,
                **settings,
                checkpoint_dir=work,
                teacher_dir=store.root / "teachers",
                log=log.info,
                distill_from=load_teacher(recipe, loaded),
                on_step=progress_bar(name),
            )
            history = [asdict(epoch) for epoch in trained.epochs]
            after = last = accuracy(predict(model, data).argmax(axis=1), data)
            if trained.best != trained.epochs[-1]:
                last = _accuracy_with(trained.last, model, data)
        log.info("           test accuracy %.2f %%, before tuning %.2f %%", 100 * after, 100 * before)
        model.save(result / "model.keras", include_optimizer=False)
        described = {
            "accuracy_before": before,
            "accuracy": after,
            "accuracy_last_epoch": last,
            "epochs": history,
        }
        write_atomic(result / "tuning.json", to_json(described))

    inputs = {
        "prune": pruned.key,
        "data": data.sha256,
        **settings,
        "distill": recipe.distill,
        "code": code_hash("data", "prune"),
    }
    return store.stage(name, inputs, make)


def _accuracy_with(variables: tuple[np.ndarray[Any, Any], ...], model: Any, data: Dataset) -> float:
    """Test accuracy of `model` with other `variables`; its own are put back."""
    own = [np.array(variable) for variable in model.variables]
    for variable, value in zip(model.variables, variables, strict=True):
        variable.assign(value)
    found = accuracy(predict(model, data).argmax(axis=1), data)
    for variable, value in zip(model.variables, own, strict=True):
        variable.assign(value)
    return found


def batch_size(recipe: Recipe, data: Dataset) -> int:
    """The recipe's, else one that suits the number of training examples."""
    return recipe.batch_size or _batch_size(len(data.x_train))


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
