"""Latency on this computer: our profile against LiteRT's own benchmark tool, and pruned against unpruned.

    python -m tools.bench.linux tool  [--models ic,vww] [--rounds 9]
    python -m tools.bench.linux pruned [--rounds 9]

`tool` takes turns, in one run: `litert-benchmark` and `edgeprune profile` of the same `.tflite`, one thread,
the same CPU, the same numbers of runs and of warm-up runs; the ratio is taken round by round.
`pruned` does the same with a network and those that `edgeprune build --method l1 --speedup 2` makes of it,
2 in MACs and 2 (MobileNet: 1.5) in tiles, not trained again: times hardly depend on the values of weights,
widths do. Writes results/linux-*.json.
The tool rounds what it writes to 0.01 ms, a tenth of some of these networks; it is kept from rounding.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.artifact import Bundle, Store, default_store, write_atomic
from edgeprune.device.board import virtual_board
from edgeprune.device.flash import flash
from edgeprune.device.target import find_target
from edgeprune.pipeline import build
from edgeprune.recipe import Recipe
from tools.reproduce.cifar10 import folder

RESULTS = Path(__file__).parent / "results"
MODELS = {
    "ic": "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
    "kws": "mlperf_tiny/kws/kws_ref_model.tflite",
    "vww": "mlperf_tiny/vww/vww_96_int8.tflite",
    "rock_paper_scissors": "tflite/mltk/rock_paper_scissors/rock_paper_scissors.tflite",
}
KERAS = {"ic": "mlperf_tiny/ic/pretrainedResnet.h5", "vww": "mlperf_tiny/vww/vww_96.h5"}
TILES = {"ic": 2.0, "vww": 1.5}  # 2 is out of reach for MobileNet
RUNS, WARM_UP = 1000, 20


def main() -> int:
    """One of the two comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("tool", "pruned"))
    parser.add_argument("--models", default=None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    given = parser.parse_args()
    names = given.models.split(",") if given.models else list(MODELS if given.what == "tool" else KERAS)
    compare = against_tool if given.what == "tool" else pruned
    with tempfile.TemporaryDirectory() as work:
        os.environ["EDGEPRUNE_STATE_DIR"] = f"{work}/state"
        rows = [row for name in names for row in compare(name, given.rounds, given.cpu, Path(work))]
    packages = ("ai-edge-litert", "numpy")
    result = {
        "command": f"python -m tools.bench.linux {given.what}",
        "versions": {
            "edgeprune": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count(), "threads_used": 1},
        "runs": RUNS,
        "warm_up": WARM_UP,
        "rounds": given.rounds,
        "rows": rows,
    }
    write_atomic(RESULTS / f"linux-{given.what}.json", json.dumps(result, indent=1) + "\n")
    print(
        json.dumps(
            [{k: v for k, v in row.items() if k not in ("rounds", "layers")} for row in rows], indent=1
        )
    )
    return 0


def against_tool(name: str, rounds: int, cpu: int, work: Path) -> list[dict[str, Any]]:
    """Rounds of both on one model."""
    model = folder() / MODELS[name]
    bundle = _bundle(Recipe(model=str(model), target="linux", out=str(work / name)), name)
    ours: list[dict[str, Any]] = []
    tool: list[float] = []
    times: list[float] = []
    for number in range(rounds):
        if number % 2 == 0:
            ours.append(_profile(bundle, name, cpu))
        tool.append(_tool(model, cpu, work))
        if number % 2 == 1:
            ours.append(_profile(bundle, name, cpu))
        times.append(ours[-1]["latency_us"]["median"] / 1000 / tool[-1])
        print(f"{name} {number + 1}/{rounds}: {times[-1]:.4f}", file=sys.stderr, flush=True)
    row = {
        "model": name,
        "ratio_median": statistics.median(times),
        "ratio_min": min(times),
        "ratio_max": max(times),
        "rounds": [
            {"ours_ms": one["latency_us"]["median"] / 1000, "tool_ms": other}
            for one, other in zip(ours, tool, strict=True)
        ],
    }
    return [row]


def pruned(name: str, rounds: int, cpu: int, work: Path) -> list[dict[str, Any]]:
    """Rounds of a network and of two that were pruned, one by MACs and one by tiles."""
    common: dict[str, Any] = {"model": str(folder() / KERAS[name]), "target": "linux", "epochs": 0}
    common |= {"data": "tools.reproduce.cifar10:load" if name == "ic" else f"{__name__}:random_images"}
    before = {key: value for key, value in common.items() if key != "epochs"}
    bundles = {"": _bundle(Recipe(**before, out=str(work / name)), name)}
    for counted, speedup in (("macs", 2.0), ("tiles", TILES[name])):
        asked: dict[str, Any] = {"method": "l1", "speedup": speedup, "speedup_in": counted}
        recipe = Recipe(**common, **asked, out=str(work / f"{name}-{counted}"))
        bundles[counted] = _bundle(recipe, f"{name}-{counted}")
    found: dict[str, list[dict[str, Any]]] = {counted: [] for counted in bundles}
    for number in range(rounds):
        for counted in bundles if number % 2 == 0 else reversed(bundles):
            board = f"{name}-{counted}" if counted else name
            found[counted].append(_profile(bundles[counted], board, cpu))
        print(f"{name} {number + 1}/{rounds}", file=sys.stderr, flush=True)
    whole = found.pop("")
    return [_against(name, counted, bundles[counted], whole, profiles) for counted, profiles in found.items()]


def _against(
    name: str, counted: str, bundle: Bundle, whole: list[dict[str, Any]], pruned: list[dict[str, Any]]
) -> dict[str, Any]:
    """The row of a pruned network, whose profiles took turns with those of the whole one."""
    ratios = [
        a["latency_us"]["median"] / b["latency_us"]["median"] for a, b in zip(whole, pruned, strict=True)
    ]
    return {
        "model": name,
        "speedup": TILES[name] if counted == "tiles" else 2.0,
        "speedup_in": counted,
        "macs": [bundle.manifest["float"]["macs"], bundle.manifest["pruned"]["macs"]],
        "kept": bundle.manifest["pruning"]["kept"],
        "latency_ratio_median": statistics.median(ratios),
        "latency_ratio_min": min(ratios),
        "latency_ratio_max": max(ratios),
        "layers": [[_layer(layer) for layer in rows[-1]["layers"]] for rows in (whole, pruned)],
    }


def random_images() -> tuple[Any, Any, Any, Any]:
    """A stand-in for data that nobody may pass on: random pixels, to set the ranges of int8."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((64, 96, 96, 3)).astype(np.float32)
    y = rng.integers(0, 2, 64)
    return x, y, x, y


def _layer(layer: dict[str, Any]) -> dict[str, Any]:
    return {key: layer[key] for key in ("name", "op", "latency_us")}


def _bundle(recipe: Recipe, board: str) -> Bundle:
    bundle = Bundle.open(build(recipe, Store(default_store())).bundle)
    flash(bundle, virtual_board(find_target("linux"), board))
    return bundle


def _profile(bundle: Bundle, board: str, cpu: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-c",
        "from edgeprune.cli.main import main; main()",
        "profile",
        str(bundle.path),
    ]
    done = _pinned([*command, "--board", board, "--runs", str(RUNS), "--json", "-q"], cpu)
    found: dict[str, Any] = json.loads(done)
    return found


def _tool(model: Path, cpu: int, work: Path) -> float:
    """The median of LiteRT's own benchmark tool, milliseconds."""
    module = "ai_edge_litert.tools.benchmark_litert_model"
    script = f"import {module} as tool; tool.round = lambda value, digits: value; tool.main()"
    told = work / "tool.json"
    options = {"num_runs": RUNS, "warmup_runs": WARM_UP, "num_threads": 1, "result_json": told}
    words = [f"--{name}={value}" for name, value in options.items()]
    _pinned([sys.executable, "-c", script, f"--model={model}", *words], cpu)
    return float(json.loads(told.read_text())["latency"]["median_ms"])


def _pinned(command: list[str], cpu: int) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
