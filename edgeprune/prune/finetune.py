"""Fine-tune a pruned classifier, byte for byte repeatable, resumable, with the original as teacher.

Adam, learning rate warmed up over the first steps and then lowered along a cosine. Weights of the best
epoch are kept, best on a split taken from the training set: the test set is never looked at.

A pruning method can guide the training (guide.py). The learning rate is then constant after the warm-up,
the last epoch is kept, since only it has the method's final masks, and nothing ends the run early.

Source:  Loshchilov and Hutter, "SGDR", 2017, arXiv:1608.03983 (cosine); the loss is in trainer.py
Differs: no restarts

An epoch depends only on the state before it and on (seed, epoch number), never on a generator that
has run on: that is why a resumed run ends in the same bytes as one that was never stopped. The same
number of threads is part of it: TF_NUM_INTRAOP_THREADS fixes it across machines.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeprune.errors import DataError, UsageError
from edgeprune.prune import checkpoint
from edgeprune.prune.augment import Augment, augmentation
from edgeprune.prune.checkpoint import Epoch, TrainingState
from edgeprune.prune.guide import Guide, Moment, Steering, WeightKey, Weights
from edgeprune.prune.normalization import fuse_normalization
from edgeprune.prune.teacher import Teacher
from edgeprune.prune.trainer import (
    Trainer,
    expose_scores,
    follow_statistics,
    layers_of,
    make_deterministic,
    thread_count,
)

Array = npt.NDArray[Any]
Log = Callable[[str], None]

BATCH_SIZE = 128
LEARNING_RATE = 2e-3

_WARM_UP_SHARE = 0.05
_FINAL_RATE_SHARE = 0.01
_VALIDATION_SHARE = 0.1
_VALIDATION_LIMIT = 2500
_EVALUATION_BATCH = 500


class TrainingData(Protocol):
    """The part of a Dataset that training sees."""

    @property
    def x_train(self) -> Array: ...

    @property
    def y_train(self) -> Array: ...


@dataclass(frozen=True)
class Progress:
    """Where training stands; passed to `on_step` after every batch."""

    epoch: int
    epochs: int
    step: int
    steps: int


@dataclass(frozen=True)
class History:
    """What training did; accuracies are fractions, of the validation split.

    The model is left with the weights of `best`; `last` are all its variables after the last epoch.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
    resumed_after: int
    stopped_early: bool
    images_per_second: float
    last: tuple[Array, ...]


def finetune(
    model: Any,
    data: TrainingData,
    *,
    epochs: int,
    seed: int,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    checkpoint_dir: Path | None = None,
    log: Log = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
    distill_from: Any = None,
    augment: str | None = None,
    patience: int | None = None,
    guide: Guide | None = None,
    hold_zeros: bool = False,
    teacher_dir: Path | None = None,
) -> History:
    """Train the Keras `model` in place on `data` and leave the best epoch's weights in it.

    `distill_from` is a Keras model with the same input and output shapes. `augment` is a name in
    `augment.AUGMENTATIONS`. With `checkpoint_dir`, an interrupted run continues after its last whole
    epoch. `patience` epochs without a better validation result end the run (None: half of `epochs`,
    at least 5). `guide` steers the training; `teacher_dir` keeps the teacher's scores for
    other runs on the same images. `hold_zeros` keeps every kernel weight that is zero at the start
    at zero. Raises DataError when the labels do not fit the model's output.
    """
    if epochs < 1 or batch_size < 1 or not 0 < learning_rate < math.inf:
        raise UsageError(
            f"epochs {epochs}, batch size {batch_size} and learning rate {learning_rate} must be positive"
        )
    if distill_from is not None and distill_from.output_shape != model.output_shape:
        raise UsageError(
            f"the teacher's output {distill_from.output_shape} is not the model's {model.output_shape}"
        )
    split = _split(data, model, seed)
    run = _Run(
        epochs=epochs,
        seed=seed,
        batch_size=min(batch_size, len(split.x)),
        learning_rate=learning_rate,
        augment=augmentation(augment, split.x.shape[1:]),
        patience=max(5, epochs // 2) if patience is None else patience,
        checkpoint_dir=checkpoint_dir,
        log=log,
        on_step=on_step,
        guide=guide,
        teacher_dir=teacher_dir,
    )
    make_deterministic()
    restore_activation = expose_scores(model)
    restore_momentum = follow_statistics(model, max(1, len(split.x) // run.batch_size))
    restore_kernels = fuse_normalization(layers_of(model))
    try:
        trainer = Trainer(model, distill_from, is_steered=hold_zeros or guide is not None)
        if hold_zeros:
            trainer.steer(Steering(masks=zero_masks(trainer.weights())))
        return _train(trainer, split, run, augment)
    finally:
        restore_activation()
        restore_momentum()
        restore_kernels()


def fit(
    trainer: Any,
    data: TrainingData,
    *,
    epochs: int,
    seed: int,
    batch_size: int,
    learning_rate: float,
    augment: str | None,
    checkpoint_dir: Path | None = None,
    log: Log = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
) -> History:
    """Train by a `trainer` of one's own, used as trainer.Trainer is: the schedule of `finetune`, every epoch.

    Leaves the best epoch's variables in it.
    """
    split = _split(data, trainer.model, seed)
    run = _Run(
        epochs=epochs,
        seed=seed,
        batch_size=min(batch_size, len(split.x)),
        learning_rate=learning_rate,
        augment=augmentation(augment, split.x.shape[1:]),
        patience=epochs,
        checkpoint_dir=checkpoint_dir,
        log=log,
        on_step=on_step,
        guide=None,
        teacher_dir=None,
    )
    return _train(trainer, split, run, augment)


@dataclass(frozen=True)
class _Run:
    """The settings of one run."""

    epochs: int
    seed: int
    batch_size: int
    learning_rate: float
    augment: Augment | None
    patience: int
    checkpoint_dir: Path | None
    log: Log
    on_step: Callable[[Progress], None] | None
    guide: Guide | None
    teacher_dir: Path | None


@dataclass(frozen=True, eq=False)
class _Split:
    """Training and validation part of the training set."""

    x: Array
    y: Array
    validation_x: Array
    validation_y: Array


def _split(data: TrainingData, model: Any, seed: int) -> _Split:
    """Set a tenth (at most 2,500 samples) of the training set apart, chosen by `seed`."""
    x, y = data.x_train, np.asarray(data.y_train)
    y = _check_labels(y, len(x), model.output_shape)
    if tuple(model.input_shape[1:]) != x.shape[1:]:
        raise DataError(f"samples have shape {x.shape[1:]}, the model takes {tuple(model.input_shape[1:])}")
    order = np.random.default_rng([seed, 0]).permutation(len(x))
    held = _held_back(len(x))
    validation, train = np.sort(order[:held]), np.sort(order[held:])
    return _Split(x[train], y[train], x[validation], y[validation])


def _held_back(examples: int) -> int:
    return min(_VALIDATION_LIMIT, max(1, int(examples * _VALIDATION_SHARE)))


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Training steps of an epoch over a training set of so many `examples`."""
    trained = examples - _held_back(examples)
    return max(1, trained // min(batch_size, trained))


def _check_labels(y: Array, samples: int, output_shape: Any) -> npt.NDArray[np.int64]:
    """Labels as class numbers, shape (N,); raises DataError when they cannot be."""
    if not isinstance(output_shape, tuple) or len(output_shape) != 2:
        raise DataError(
            f"fine-tuning needs one output of class scores, the model's output has shape {output_shape}",
            hint="only classifiers can be fine-tuned here; set the epochs to 0 to prune without it",
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if len(y) != samples or samples < 2:
        raise DataError(f"{samples} training samples but {len(y)} labels; at least two of each are needed")
    classes = max(2, int(output_shape[1]))
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= classes:
        raise DataError(
            f"labels of type {y.dtype} and shape {y.shape} are not class numbers 0…{classes - 1}",
            hint="y_train must hold one integer per sample",
        )
    return y.astype(np.int64)


def _train(trainer: Trainer, split: _Split, run: _Run, augment_name: str | None) -> History:
    """All epochs, from the checkpoint when there is one of the same run."""
    state = _first_state(trainer, split, run, augment_name)
    teacher = _teacher(trainer, split, run, augment_name)
    resumed_after = len(state.history)
    while len(state.history) < run.epochs and not _is_stalled(state, run):
        state = _next_epoch(trainer, teacher, split, run, state)
        if run.checkpoint_dir is not None:
            checkpoint.save(state, run.checkpoint_dir)
    trainer.assign(state.variables if run.guide else state.best)
    if run.guide is not None:
        trainer.steer(run.guide.finish(trainer.weights()) or Steering())
    seconds = sum(epoch.seconds for epoch in state.history)
    return History(
        epochs=state.history,
        best=state.history[-1 if run.guide else state.best_epoch - 1],
        resumed_after=resumed_after,
        stopped_early=len(state.history) < run.epochs,
        images_per_second=len(split.x) * len(state.history) / max(seconds, 1e-9),
        last=state.variables,
    )


def _is_stalled(state: TrainingState, run: _Run) -> bool:
    return run.guide is None and len(state.history) - state.best_epoch >= run.patience


def _first_state(trainer: Trainer, split: _Split, run: _Run, augment_name: str | None) -> TrainingState:
    """The saved state of this very run, else that of its start."""
    start = trainer.variables()
    settings = {
        "epochs": run.epochs,
        "seed": run.seed,
        "batch_size": run.batch_size,
        "learning_rate": run.learning_rate,
        "augment": augment_name,
        "patience": run.patience,
        "threads": thread_count(),
        "guide": type(run.guide).__name__,
    }
    teacher = trainer.teacher_variables()
    guided = run.guide.state() if run.guide is not None else {}
    arrays = (
        *start,
        *teacher,
        *(np.asarray(a) for a in guided.values()),
        split.x,
        split.y,
        split.validation_x,
        split.validation_y,
    )
    mark = checkpoint.fingerprint(settings, arrays)
    saved = checkpoint.load(run.checkpoint_dir) if run.checkpoint_dir is not None else None
    if saved is not None and saved.fingerprint == mark:
        run.log(f"resuming after epoch {len(saved.history)} of {run.epochs}")
        if run.guide is not None:
            run.guide.restore(saved.guide)
        return saved
    if saved is not None:
        run.log("the saved training state belongs to another run; starting afresh")
    return TrainingState(mark, (), start, trainer.optimizer_variables(), start, 0, guided)


def _teacher(trainer: Trainer, split: _Split, run: _Run, augment_name: str | None) -> Teacher | None:
    if trainer.teacher is None:
        return None
    settings = {
        "seed": run.seed,
        "batch_size": run.batch_size,
        "augment": augment_name,
        "threads": thread_count(),
    }
    mark = checkpoint.fingerprint(settings, (*trainer.teacher_variables(), split.x))
    return Teacher(trainer.teach, run.teacher_dir, mark)


def _next_epoch(
    trainer: Trainer, teacher: Teacher | None, split: _Split, run: _Run, state: TrainingState
) -> TrainingState:
    """One pass over the training set, from `state` alone."""
    began = time.monotonic()
    number = len(state.history) + 1
    trainer.assign(state.variables, state.optimizer)
    trainer.seed_layers(run.seed, number)
    loss = _pass_over(trainer, teacher, split, run, number)
    validation_loss, accuracy = _evaluate(trainer, split.validation_x, split.validation_y)
    epoch = Epoch(number, loss, validation_loss, accuracy, time.monotonic() - began)
    run.log(
        f"epoch {number}/{run.epochs}: loss {loss:.4f}, validation loss {validation_loss:.4f}, "
        f"accuracy {100 * accuracy:.2f} %, {epoch.seconds:.1f} s"
    )
    if not math.isfinite(loss):
        raise UsageError(
            f"the loss is no number after epoch {number}",
            hint=f"lower the learning rate of {run.learning_rate:g}",
        )
    variables = trainer.variables()
    best = state.history[state.best_epoch - 1] if state.best_epoch else None
    is_best = best is None or (accuracy, -validation_loss) > (best.validation_accuracy, -best.validation_loss)
    return TrainingState(
        fingerprint=state.fingerprint,
        history=(*state.history, epoch),
        variables=variables,
        optimizer=trainer.optimizer_variables(),
        best=variables if is_best else state.best,
        best_epoch=number if is_best else state.best_epoch,
        guide=dict(run.guide.state()) if run.guide is not None else {},
    )


def _pass_over(trainer: Trainer, teacher: Teacher | None, split: _Split, run: _Run, number: int) -> float:
    """Train on every sample once; returns the mean loss."""
    steps = len(split.x) // run.batch_size
    losses = []
    if teacher is not None:
        teacher.start(number)
    rng = np.random.default_rng([run.seed, number, 1])
    for step, (x, y) in enumerate(_batches(split, run, number)):
        at = (number - 1) * steps + step
        trainer.optimizer.learning_rate.assign(_learning_rate(run, at, run.epochs * steps))
        if run.guide is not None:
            moment = Moment(at, run.epochs * steps, step == 0, rng)
            trainer.steer(run.guide.steer(moment, trainer.weights()) or Steering())
        losses.append(trainer.step(x, y, teacher.batch(step, x) if teacher else None))
        if run.on_step is not None:
            run.on_step(Progress(number, run.epochs, step + 1, steps))
    if teacher is not None:
        teacher.finish()
    return float(np.mean([float(loss) for loss in losses]))


def _batches(split: _Split, run: _Run, number: int) -> Iterator[tuple[Array, Array]]:
    """Shuffled, augmented whole batches of epoch `number`; a last part batch is left out."""
    rng = np.random.default_rng([run.seed, number])
    order = rng.permutation(len(split.x))
    for start in range(0, len(order) - run.batch_size + 1, run.batch_size):
        at = order[start : start + run.batch_size]
        x = split.x[at]
        yield (run.augment(x, rng) if run.augment else x), split.y[at]


def _learning_rate(run: _Run, step: int, steps: int) -> float:
    """Linear up over the first steps, then half a cosine down to a hundredth; constant under a guide."""
    warm_up = max(1, int(_WARM_UP_SHARE * steps))
    if step < warm_up:
        return run.learning_rate * (step + 1) / warm_up
    if run.guide is not None:
        return run.learning_rate
    cosine = 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
    return run.learning_rate * (_FINAL_RATE_SHARE + (1 - _FINAL_RATE_SHARE) * cosine)


def _evaluate(trainer: Trainer, x: Array, y: Array) -> tuple[float, float]:
    """Mean cross entropy and accuracy on labelled samples."""
    loss = right = 0.0
    for start in range(0, len(x), _EVALUATION_BATCH):
        stop = start + _EVALUATION_BATCH
        part_loss, part_right = trainer.evaluate(x[start:stop], y[start:stop])
        loss, right = loss + float(part_loss), right + float(part_right)
    return loss / len(x), right / len(x)


def zero_masks(weights: Weights) -> dict[WeightKey, Array]:
    """A mask for every kernel that has zeros: 0 there, 1 elsewhere."""
    kernels = {key: value for key, value in weights.items() if "kernel" in key[1]}
    return {key: (value != 0).astype(np.float32) for key, value in kernels.items() if not value.all()}
