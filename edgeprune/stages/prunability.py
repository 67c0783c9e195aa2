"""Stage: prunability of the float network on training examples; leaves `prunability.json`.

The command takes it in full. A build that prunes takes it coarsely, before it trains, to say when what
was asked lies beyond it. That is a measure on single weights and without retraining: it tells how much
fine-tuning has to win back, not that it will fail.
"""

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, to_json, write_atomic
from edgeprune.data import Dataset, check_scaling
from edgeprune.prune.prunability import Settings
from edgeprune.recipe import Recipe
from edgeprune.stages.keras_import import import_keras

log = logging.getLogger("edgeprune")

_SAMPLES = 1000
_FEWEST_SAMPLES = 100
_MACS_PER_PASS = 5e9  # a tenth of a second on two cores; a build makes about thirty passes
_COARSE_GRID = 20
_COARSE_BISECTIONS = 4


@dataclass(frozen=True)
class Request:
    """What to measure: on at most `limit` training examples, the classes in equal shares."""

    settings: Settings
    operator: Literal["magnitude", "random", "both"]
    limit: int
    seed: int
    is_folded: bool = False
    with_comparators: bool = True


def measure(store: Store, loaded: Stage, data: Dataset, request: Request) -> Stage:
    """Prunability of the model in `loaded`; `prunability.json` is as INTERFACE.md has the command's."""

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.graph.keras_in import from_keras
        from edgeprune.prune import prunability_network as network
        from edgeprune.prune.trainer import make_deterministic

        make_deterministic()
        model = keras.models.load_model(loaded.folder / "model.keras", compile=False)
        check_scaling(model, data)
        graph = from_keras(model)
        picked = data.pick_train(request.limit, np.random.default_rng(request.seed))
        # In an order of chance, so that the first few of them hold every class too.
        picked = np.random.default_rng([request.seed, 1]).permutation(picked)
        examples = network.Examples(data.batch(data.x_train[picked]), data.y_train[picked])
        report = network.measure(
            graph,
            examples,
            request.settings,
            request.seed,
            request.operator,
            is_folded=request.is_folded,
        )
        if request.with_comparators:
            report = replace(report, comparison=network.compare(graph, examples, report, request.seed))
        write_atomic(result / "prunability.json", to_json(report.to_json()))

    inputs: dict[str, Any] = {
        "load": loaded.key,
        "data": data.sha256,
        **asdict(request),
        "code": code_hash("data", "graph", "prune", "stages/prunability.py"),
    }
    return store.stage("prunability", inputs, make)


def before_pruning(store: Store, loaded: Stage, data: Dataset, recipe: Recipe) -> Stage:
    """A coarse measure, by magnitude alone, and a warning where the recipe's speed-up lies beyond it."""
    affordable = int(_MACS_PER_PASS / max(1, loaded.json("network.json")["macs"]))
    request = Request(
        settings=Settings(grid=_COARSE_GRID, bisections=_COARSE_BISECTIONS),
        operator="magnitude",
        limit=max(_FEWEST_SAMPLES, min(_SAMPLES, affordable)),
        seed=recipe.seed,
        with_comparators=False,
    )
    measured = measure(store, loaded, data, request)
    warning = describe(measured, recipe)["warning"]
    if warning is not None:
        log.warning("%s", warning)
    return measured


def describe(measured: Stage, recipe: Recipe) -> dict[str, Any]:
    """What the manifest says: the measure, and the recipe's speed-up against it."""
    found = measured.json("prunability.json")
    keys = ("prunability", "operator", "beta", "tolerance", "samples", "parameters", "loss", "loss_limit")
    return {
        **{key: found[key] for key in keys},
        "other_tolerance": found["other_tolerance"],
        "curve": found["curve"],
        "asked_fraction": None if recipe.speedup is None else 1 / recipe.speedup,
        "warning": _warning(found, recipe.speedup, recipe.speedup_in),
    }


def _warning(found: dict[str, Any], speedup: float | None, counted: str) -> str | None:
    tolerated = found["prunability"]["first_violation"]
    if speedup is None or 1 / speedup >= tolerated:
        return None
    other = found["other_tolerance"]["first_violation"]
    what = "MACs" if counted == "macs" else counted
    return (
        f"a speed-up of {speedup:.3g} keeps {100 / speedup:.0f} % of the {what}, below what the network "
        f"tolerates untrained: {100 * tolerated:.0f} % of single weights, the smallest gone and the loss "
        f"on {found['samples']:,} training examples within {100 * found['beta']:.0f} % "
        f"({100 * other:.0f} % for a loss {found['beta']:g} higher); fine-tuning has to win the rest back"
    )
