"""The model of XNNPACK's tiles against what LiteRT executes: pruned networks on virtual Pis, exact counts.

    python -m tools.bench.tiles [--models ic,vww] [--targets rpi4,rpi5]

A network is pruned by MACs and by tiles, not trained again, and counted as tools/bench/aarch64.py counts.
For each pruned network the table has how many times fewer instructions an inference takes, and what the
model says of it (edgeprune/stages/layer_cost.py). Instructions are not time. Writes results/tiles.json.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.artifact import Store, default_store, write_atomic
from edgeprune.cli.output import table
from edgeprune.device.target import Target, find_target
from edgeprune.errors import BudgetError
from edgeprune.pipeline import build
from edgeprune.recipe import Recipe
from edgeprune.runner.linux.pack import requirements
from edgeprune.stages.layer_cost import TileCosts
from tools.bench.aarch64 import RESULTS, count_litert
from tools.bench.linux import KERAS
from tools.reproduce.cifar10 import folder

RUNS = 3
SPEEDUPS = {"macs": (2.0, 4.0), "tiles": (1.25, 1.5, 2.0)}
DATA = {"ic": "tools.reproduce.cifar10:load", "vww": "tools.bench.linux:random_images"}


def measure(name: str, target: Target, work: Path) -> list[dict[str, Any]]:
    """A row for each pruned network of one model on one core; what is out of reach is left out."""
    common: dict[str, Any] = {"model": str(folder() / KERAS[name]), "data": DATA[name], "target": target.name}
    whole = _counted(Recipe(**common, out=str(work / "whole")), target, work)
    rows = []
    for speedup_in, speedups in SPEEDUPS.items():
        for speedup in speedups:
            out = str(work / f"{speedup_in}-{speedup:g}")
            asked: dict[str, Any] = {
                "method": "l1",
                "epochs": 0,
                "speedup": speedup,
                "speedup_in": speedup_in,
                "out": out,
            }
            try:
                pruned = _counted(Recipe(**common, **asked), target, work)
            except BudgetError as error:
                print(f"{name} {target.name}: {error.message}", file=sys.stderr)
                continue
            row = {
                "model": name,
                "target": target.name,
                "core": target.core,
                "speedup": speedup,
                "speedup_in": speedup_in,
                "instructions": [whole["instructions"], pruned["instructions"]],
                "fewer_instructions": whole["instructions"] / pruned["instructions"],
                "fewer_macs": whole["macs"] / pruned["macs"],
                "modelled": whole["modelled"] / pruned["modelled"],
            }
            row["model_off_by"] = row["modelled"] / row["fewer_instructions"] - 1
            rows.append(row)
            print(json.dumps(row), file=sys.stderr)
    return rows


def _counted(recipe: Recipe, target: Target, work: Path) -> dict[str, Any]:
    """Instructions of an inference, MACs, and the model's cost, of the network that the recipe makes."""
    import keras

    from edgeprune.graph.keras_in import from_keras

    assert target.linux is not None
    made = build(recipe, Store(default_store()))
    stages = {stage.name: stage for stage in made.stages}
    source = stages.get("prune", stages["load"])
    graph = from_keras(keras.models.load_model(source.folder / "model.keras", compile=False))
    cost = made.manifest["pruned"] or made.manifest["float"]
    return {
        "instructions": round(
            statistics.median(count_litert(made.bundle / "model.tflite", target, work / "pi", RUNS))
        ),
        "macs": cost["macs"],
        "modelled": TileCosts(target.linux.tile).total(graph),
    }


def main() -> int:
    """Measure what is asked, write the JSON, print the table."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default=",".join(DATA))
    parser.add_argument("--targets", default="rpi4,rpi5")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = []
    for name in given.models.split(","):
        for target in given.targets.split(","):
            with tempfile.TemporaryDirectory(prefix="edgeprune-") as work:
                rows += measure(name, find_target(target), Path(work))
    result = {
        "command": "python -m tools.bench.tiles",
        "edgeprune": __version__,
        "requirements": [line for line in requirements().splitlines() if "==" in line],
        "results": rows,
    }
    write_atomic(given.out / "tiles.json", json.dumps(result, indent=1) + "\n")
    columns = ("model", "core", "speedup", "speedup_in", "fewer_macs", "fewer_instructions", "modelled")
    cells = [
        [f"{row[key]:.2f}" if isinstance(row[key], float) else row[key] for key in columns] for row in rows
    ]
    print(table(cells, list(columns)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
