"""Pruning methods compared on ResNet-8, ResNet-20 and DS-CNN: `edgeprune compare`, in slices.

    python -m tools.reproduce.methods resnet8 --minutes 60
    python -m tools.reproduce.methods resnet8-long --minutes 60

Runs the comparison until the time is up, or all rows are there; started again, it goes on. The rows are
kept under results/methods/STUDY/: rows.jsonl as they come, and of all rows so far compare.json and
compare.html. On two cores two processes with one thread each get further than one with two: start it twice
with TF_NUM_INTRAOP_THREADS=1. resnet20 and dscnn want `python -m tools.reproduce.train` first.
"""

import argparse
import json
import logging
import os
import platform
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edgeprune import __version__
from edgeprune.artifact import Store, default_store, to_json, write_atomic
from edgeprune.errors import UsageError
from edgeprune.recipe import Recipe
from edgeprune.report.comparison import render, summarise
from tools.reproduce.cifar10 import folder
from tools.reproduce.train import MODELS

RESULTS = Path(__file__).parent / "results" / "methods"
EVERY = ("all",)
LONG = ("agp", "spp-columns", "l1", "spp", "pfp")


@dataclass(frozen=True)
class Study:
    """A comparison; `epochs` in all for every row, whatever the method does with them."""

    model: str
    data: str
    methods: tuple[str, ...]
    speedups: tuple[float, ...]
    seeds: int
    epochs: int
    allocation: str | None = None


RESNET8 = "mlperf_tiny/ic/pretrainedResnet.h5"
CIFAR10 = "tools.reproduce.cifar10:load"
STUDIES = {
    "resnet8": Study(RESNET8, CIFAR10, EVERY, (2.0, 4.0), 3, 2),
    "resnet8-long": Study(RESNET8, CIFAR10, LONG, (2.0, 4.0), 1, 12),
    # What the best method of "resnet8" reaches with a little more training.
    "resnet8-agp": Study(RESNET8, CIFAR10, ("agp",), (2.0, 4.0), 1, 6),
    # What PFP's scores are worth apart from PFP's allocation, and the other way round.
    "resnet8-global": Study(RESNET8, CIFAR10, ("pfp",), (4.0,), 3, 2, "global"),
    "resnet8-pfp": Study(RESNET8, CIFAR10, ("l1",), (4.0,), 3, 2, "pfp"),
    "resnet20": Study("resnet20", CIFAR10, ("spp", "pfp"), (2.0,), 3, 6),
    "dscnn": Study("dscnn", "tools.reproduce.spoken_digits:load", ("spp", "pfp"), (2.0, 4.0), 3, 20),
}


def main() -> int:
    """One slice of a study."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    from edgeprune.prune.methods import METHODS
    from edgeprune.stages.compare import Row, compare

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--minutes", type=float)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    study, began = STUDIES[given.study], time.monotonic()
    place = RESULTS / given.study
    model = _model(study)
    recipe = Recipe(model=str(model), data=study.data, epochs=study.epochs, allocation=study.allocation)
    names = METHODS.names if study.methods == EVERY else study.methods

    def note(done: int, total: int, row: Row) -> None:
        figures = row.refused if row.int8 is None else f"int8 {100 * row.int8:.2f} %"
        took = time.monotonic() - began
        print(
            f"{done}/{total} {row.method} {row.speedup:g}x seed {row.seed}: {figures} ({took:.0f} s)",
            flush=True,
        )

    made = compare(
        Store(default_store()),
        recipe,
        methods=list(names),
        speedups=study.speedups,
        seeds=study.seeds,
        folder=place,
        minutes=given.minutes,
        progress=note,
    )
    result = {
        "command": f"python -m tools.reproduce.methods {given.study}",
        "versions": {
            "edgeprune": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "keras", "tensorflow-cpu")},
        },
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "model": study.model,
        "seed": recipe.seed,
        "float": {"accuracy": made.accuracy, "macs": made.macs, "params": made.params},
        "settings": made.settings,
        "missing": made.missing,
        "rows": [vars(row) for row in made.rows],
        "summary": summarise([vars(row) for row in made.rows]),
    }
    write_atomic(place / "compare.json", to_json(result))
    write_atomic(place / "compare.html", render(result))
    print(json.dumps(result["summary"], indent=1))
    return 0


def _model(study: Study) -> Path:
    if "/" in study.model:
        return folder() / study.model
    path = MODELS / f"{study.model}.keras"
    if not path.is_file():
        raise UsageError(f"no {path}", hint=f"python -m tools.reproduce.train {study.model}")
    return path


if __name__ == "__main__":
    raise SystemExit(main())
