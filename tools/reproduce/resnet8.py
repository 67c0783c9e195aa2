"""ResNet-8 on CIFAR-10: pruned to half its MACs, int8, against the unpruned build, on virtual-m4.

    python -m tools.reproduce.resnet8

Runs the recipe models/resnet8/recipe.toml and the same without pruning, flashes and profiles both, and
writes results/resnet8.json. About twenty minutes of fine-tuning on two cores; interrupted, it goes on
where it stopped.
"""

import json
import os
import platform
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.artifact import Bundle, Store, default_store, write_atomic
from edgeprune.device.board import Board
from edgeprune.device.flash import flash
from edgeprune.device.target import find_target
from edgeprune.pipeline import build
from edgeprune.profile.measure import profile
from edgeprune.recipe import Recipe, read_recipe
from tools.reproduce.cifar10 import folder

RECIPE = Path(__file__).parents[2] / "models" / "resnet8" / "recipe.toml"
RESULT = Path(__file__).parent / "results" / "resnet8.json"


def one(recipe: Recipe, work: Path) -> dict[str, Any]:
    """Build, flash and profile; the JSON of the commands."""
    made = build(recipe, Store(default_store()))
    bundle = Bundle.open(made.bundle)
    board = Board(recipe.target, find_target(recipe.target), work)
    flashed = flash(bundle, board)
    return {
        "build": made.result(),
        "flash": asdict(flashed),
        "profile": profile(bundle, board, runs=3).to_json(),
        "accuracy_stages": made.manifest["accuracy_stages"],
    }


def main() -> int:
    """Run both, write the result, print the comparison."""
    model = str(folder() / "mlperf_tiny" / "ic" / "pretrainedResnet.h5")
    pruned = read_recipe(RECIPE, {"model": model})
    plain = pruned.model_copy(update={"method": "none", "speedup": None})
    rows = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name, recipe in (("unpruned", plain), ("pruned", pruned)):
            rows[name] = one(recipe.model_copy(update={"out": str(work / name)}), work / f"board-{name}")
    ratio = rows["unpruned"]["profile"]["instructions"] / rows["pruned"]["profile"]["instructions"]
    drop = rows["unpruned"]["build"]["float"]["accuracy"] - rows["pruned"]["build"]["int8"]["accuracy"]
    summary = {
        "macs_speedup": rows["pruned"]["build"]["pruned"]["speedup"],
        "instructions_ratio": ratio,
        "int8_drop_points": 100 * drop,
    }
    versions = {n: metadata.version(n) for n in ("numpy", "keras", "tensorflow-cpu", "unicorn", "ziglang")}
    result = {
        "command": "python -m tools.reproduce.resnet8",
        "versions": {"edgeprune": __version__, "python": platform.python_version(), **versions},
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "seed": pruned.seed,
        "summary": summary,
        **rows,
    }
    text = json.dumps(result, indent=1).replace(temporary, "build")
    write_atomic(RESULT, text + "\n")
    print(json.dumps(summary, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
