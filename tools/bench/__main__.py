"""Whole firmware on every core against the peers: instructions, cycles, RAM, flash, and every byte right.

    python -m tools.bench                                   # MLPerf Tiny, the table of goals
    python -m tools.bench --models all                      # the MobileNet and MCUNet models as well
    python -m tools.bench --models ic --targets virtual-m4 --inputs 4 --layers

Every figure is of a Bundle's firmware, run over its serial line on a virtual or emulated board:
instructions are exact counts (in steps of the board's resolution), cycles come from the core's model.
Outputs are compared with TensorFlow Lite Micro's, byte for byte. Writes results/cores.json and
results/cores.html; a run that ends early is resumed where the firmware is still the same.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune import __version__
from edgeprune.artifact import Bundle, Store, default_store, write_atomic
from edgeprune.cli.output import table
from edgeprune.device.board import Board
from edgeprune.device.flash import flash
from edgeprune.device.target import find_target
from edgeprune.pipeline import build
from edgeprune.profile.measure import profile
from edgeprune.profile.run import run_arrays
from edgeprune.recipe import Recipe
from edgeprune.report.charts import short
from edgeprune.tflite.read import read
from tools.bench.page import page
from tools.bench.peers import ROWS, Row
from tools.reproduce.cifar10 import folder
from tools.reproduce.parity import oracle, random_inputs

MLPERF = {
    "ic": "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
    "kws": "mlperf_tiny/kws/kws_ref_model.tflite",
    "vww": "mlperf_tiny/vww/vww_96_int8.tflite",
    "ad": "mlperf_tiny/ad/ad01_int8.tflite",
}
MORE = {
    "mcunet-vww": "tflite/tinyengine/vww.tflite",
    "mobilenetv2-kws": "tflite/mltk/keyword_spotting_mobilenetv2/keyword_spotting_mobilenetv2.tflite",
    "mobilenetv1-vww": "tflite/mltk/visual_wake_words/visual_wake_words.tflite",
}
TARGETS = ("virtual-m0plus", "virtual-m4", "virtual-m7", "virtual-m33", "mps3-an547")
RESULTS = Path(__file__).parent / "results"


def measure(name: str, path: Path, target: str, optimize: str, count: int) -> dict[str, Any]:
    """One firmware: built, flashed, counted, and `count` inputs compared with TFLM."""
    graph = read(path.read_bytes())
    inputs = random_inputs(graph, count)
    wanted = oracle(path, inputs)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        recipe = Recipe(model=str(path), target=target, optimize=optimize, out=str(work / "bundle"))  # type: ignore[arg-type]
        bundle = Bundle.open(build(recipe, Store(default_store())).bundle)
        board = Board(target, find_target(target), work / "board")
        flash(bundle, board)
        found = profile(bundle, board, runs=1)
        stacked = [np.stack([given[i] for given in inputs]) for i in range(len(graph.inputs))]
        outputs = run_arrays(bundle, board, stacked)
        memory = bundle.manifest["memory"]
    different = sum(
        int(np.count_nonzero(made[n].reshape(-1).view(np.uint8) != right.reshape(-1).view(np.uint8)))
        for n, rights in enumerate(wanted)
        for made, right in zip(outputs, rights, strict=True)
    )
    return {
        "model": name,
        "target": target,
        "optimize": optimize,
        "instructions": found.instructions,
        "cycles": found.cycles,
        "ram_bytes": memory["ram_bytes"],
        "flash_bytes": memory["flash_bytes"],
        "arena_bytes": memory["arena_bytes"],
        "arena_lower_bound_bytes": memory["arena_lower_bound_bytes"],
        "stack_bound_bytes": memory["stack_bound_bytes"],
        "stack_peak_bytes": found.memory.stack_peak_bytes,
        "inputs": count,
        "bytes_compared": sum(right.nbytes for rights in wanted for right in rights),
        "mismatches": different,
        "layers": [
            {key: getattr(layer, key) for key in ("name", "op", "macs", "instructions", "cycles")}
            for layer in found.layers
        ],
    }


def jobs(models: list[str], targets: list[str]) -> list[tuple[str, str, str]]:
    """Model, target and optimisation of every firmware that the table needs."""
    wanted = [(model, target, "balanced") for model in models for target in targets]
    if "virtual-m4" in targets:
        wanted += [(model, "virtual-m4", "size") for model in models]
        wanted += [(model, "virtual-m4", "speed") for model in models]
    return wanted


def cells(row: Row, results: list[dict[str, Any]], models: list[str]) -> list[tuple[object, ...]]:
    """The table's lines for one row of goals."""
    lines: list[tuple[object, ...]] = []
    for model in models:
        if model not in row.goals:
            continue
        key = (model, row.target, row.optimize)
        found = next((r for r in results if (r["model"], r["target"], r["optimize"]) == key), None)
        value = found[row.metric] if found else None
        if value is None:
            continue
        goal, peer = row.goals[model], row.peers[model]
        lines.append(
            (row.title, model, short(value), short(goal), "met" if value <= goal else f"{value / goal:.2f}x",
             f"{peer / value:.2f}x", row.peer)
        )  # fmt: skip
    return lines


def show(results: list[dict[str, Any]], models: list[str]) -> str:
    """The tables for people: goals, and every firmware."""
    goals = [line for row in ROWS for line in cells(row, results, models)]
    header = ("what", "model", "ours", "goal", "", "peer / ours", "peer")
    keys = ("model", "target", "optimize", "instructions", "cycles", "ram_bytes", "flash_bytes")
    every = [
        (*(r[key] for key in keys), f"{r['stack_peak_bytes']}/{r['stack_bound_bytes']}",
         r["mismatches"], r["bytes_compared"])
        for r in results
    ]  # fmt: skip
    columns = ("model", "target", "optimize", "instructions", "cycles (model)", "RAM", "flash",
               "stack used/bound", "different", "of bytes")  # fmt: skip
    return f"{table(goals, header)}\n\n{table(every, columns)}"


def save(place: Path, results: list[dict[str, Any]]) -> None:
    """The results so far, with what they were made with, and the page."""
    names = ("numpy", "unicorn", "ziglang", "tflite-micro")
    versions = {name: metadata.version(name) for name in names}
    result = {
        "command": "python -m tools.bench",
        "versions": {"edgeprune": __version__, "python": platform.python_version(), **versions},
        "machine": platform.machine(),
        "results": results,
    }
    write_atomic(place / "cores.json", json.dumps(result, indent=1) + "\n")
    write_atomic(place / "cores.html", page(results))


def main() -> int:
    """Run, print the tables, write the results; 0 if no byte differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="mlperf", help="mlperf, all, or names with commas")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--layers", action="store_true", help="print every layer too")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    known = {**MLPERF, **MORE}
    models = list({"mlperf": MLPERF, "all": known}.get(arguments.models, arguments.models.split(",")))
    root, results = folder(), []
    for name, target, optimize in jobs(models, arguments.targets.split(",")):
        started = time.monotonic()
        results.append(measure(name, root / known[name], target, optimize, arguments.inputs))
        done = f"{name} {target} {optimize}: {time.monotonic() - started:.0f} s"
        print(done, file=sys.stderr, flush=True)
        save(arguments.out, results)
        if arguments.layers:
            rows = [tuple(layer.values()) for layer in results[-1]["layers"]]
            print(table(rows, ("layer", "op", "MACs", "instructions", "cycles (model)")))
    print(show(results, models))
    return int(any(result["mismatches"] for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
