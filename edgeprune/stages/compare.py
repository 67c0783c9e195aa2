"""Pruning methods side by side: every one under the same schedule, the same data and the same counter.

A row is one method at one speed-up with one seed: pruned, fine-tuned, int8, scored on the test set. The
rows of RIVALS are always among them. Rows are written as they come, one JSON line each, so that a
comparison that was stopped goes on; a line counts as long as its settings are those asked for. Several
processes may share the work: each takes the next row that nobody has made or is at.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, sha256_file, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.errors import BudgetError, DataError, UsageError
from edgeprune.prune.methods import METHODS
from edgeprune.recipe import Recipe
from edgeprune.stages import firmware, network, pruning

log = logging.getLogger("edgeprune")

RIVALS = ("l1", "random", "scratch")
ROWS = "rows.jsonl"
SETTINGS = (
    *("data", "scale", "allocation", "round_to", "keep", "epochs", "batch_size", "learning_rate"),
    *("augment", "distill", "samples"),
)


@dataclass(frozen=True)
class Row:
    """One method at one speed-up with one seed; accuracies are fractions of the test set.

    `refused` says why the method cannot do it, and all figures are then null. `code` is a hash of the code
    that pruned and trained.
    """

    method: str
    speedup: float
    seed: int
    settings: str
    macs: int | None = None
    params: int | None = None
    reached: float | None = None
    pruned: float | None = None
    tuned: float | None = None
    last_epoch: float | None = None
    int8: float | None = None
    refused: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The rows, how many are still to be made, and the network before."""

    settings: dict[str, Any]
    accuracy: float
    macs: int
    params: int
    rows: tuple[Row, ...]
    missing: int


def compare(
    store: Store,
    recipe: Recipe,
    *,
    methods: Sequence[str],
    speedups: Sequence[float],
    seeds: int,
    folder: Path,
    minutes: float | None = None,
    progress: Callable[[int, int, Row], None] = lambda done, total, row: None,
) -> Comparison:
    """Make all rows that are not yet in `folder`; `recipe` has the model, the data and the schedule.

    After `minutes` no new row is begun; the comparison then holds those that are there. Those of `methods`
    come before those of other RIVALS, seed by seed, each method at all speed-ups before the next.
    """
    names = [*dict.fromkeys((*RIVALS, *methods))]
    for name in names:
        METHODS[name]
    if seeds < 1 or not speedups or min(speedups) <= 1:
        raise UsageError("a comparison needs seeds, and speed-ups above 1", hint="--speedups 2,4 --seeds 3")
    loaded = network.load(store, Path(recipe.model))
    data = network.load_training_data(recipe, loaded)
    scored = network.score(store, loaded, data)
    settings = _settings(recipe, data)
    mark = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    wanted = [
        (name, speedup, recipe.seed + place)
        for place in range(seeds)
        for name in names
        for speedup in speedups
    ]
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = _done(folder, mark)
    for key in sorted(wanted, key=lambda key: (key[0] not in methods, key[2])):
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            break
        with _claimed(folder, key) as is_ours:
            done |= _done(folder, mark)
            if not is_ours or key in done:
                continue
            name, speedup, seed = key
            asked = recipe.model_copy(update={"method": name, "speedup": speedup, "seed": seed})
            done[key] = _row(store, loaded, data, asked, mark)
            _append(folder, done[key])
            progress(len(done), len(wanted), done[key])
    described = loaded.json("network.json")
    return Comparison(
        settings=settings,
        accuracy=scored.json("score.json")["accuracy"],
        macs=described["macs"],
        params=described["params"],
        rows=tuple(done[key] for key in wanted if key in done),
        missing=sum(key not in done for key in wanted),
    )


def _done(folder: Path, mark: str) -> dict[tuple[str, float, int], Row]:
    return {(row.method, row.speedup, row.seed): row for row in read_rows(folder, mark)}


def _settings(recipe: Recipe, data: Dataset) -> dict[str, Any]:
    """What the rows of one comparison have in common."""
    return {
        "model_sha256": sha256_file(Path(recipe.model)),
        "data_sha256": data.sha256,
        **{name: getattr(recipe, name) for name in SETTINGS},
    }


def read_rows(folder: Path, mark: str) -> Iterator[Row]:
    """The rows in `folder` with these settings; a last line that was cut off is no row yet."""
    path = folder / ROWS
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            row = Row(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: not a row of a comparison: {error}",
                hint="delete the line, or choose another --out",
            ) from error
        if row.settings == mark:
            yield row


@contextlib.contextmanager
def _claimed(folder: Path, key: tuple[str, float, int]) -> Iterator[bool]:
    """Whether this process may make the row; the claim dies with it."""
    path = folder / "claims" / "-".join(str(part) for part in key)
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
        path.unlink(missing_ok=True)


def _append(folder: Path, row: Row) -> None:
    """Add a row; the line is there as a whole, or the next one takes its place."""
    with (folder / ROWS).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(asdict(row)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _row(store: Store, loaded: Stage, data: Dataset, recipe: Recipe, mark: str) -> Row:
    key = (str(recipe.method), float(recipe.speedup or 1), recipe.seed, mark)
    code = code_hash("prune", "graph", "quant", "data")[:12]
    try:
        steps = pruning.shrink(store, loaded, data, recipe)
    except (UsageError, BudgetError) as error:
        return Row(*key, refused=error.message, code=code)
    step = steps[-1]
    described, tuning = step.pruned.json("network.json"), step.tuned.json("tuning.json")
    tflite = network.quantize(store, step.tuned, data, recipe)
    return Row(
        *key,
        macs=described["macs"],
        params=described["params"],
        reached=loaded.json("network.json")["macs"] / max(1, described["macs"]),
        pruned=steps[0].tuned.json("tuning.json")["accuracy_before"],
        tuned=tuning["accuracy"],
        last_epoch=tuning["accuracy_last_epoch"],
        int8=_int8(store, tflite, data).json("accuracy.json")["accuracy"],
        code=code,
    )


def _int8(store: Store, tflite: Stage, data: Dataset) -> Stage:
    """Accuracy of a `.tflite` on the test set, by the generated C on the host."""

    def make(result: Path, work: Path) -> None:
        top1 = firmware.classify(tflite, data, work)
        write_atomic(result / "accuracy.json", to_json({"accuracy": float(np.mean(top1 == data.y_test))}))

    inputs = {
        "tflite": sha256_file(tflite.folder / "model.tflite"),
        "data": data.sha256,
        "code": code_hash("device/hostlib.py", "stages", "ops", "memory", "codegen", "tflite"),
    }
    return store.stage("int8", inputs, make)
