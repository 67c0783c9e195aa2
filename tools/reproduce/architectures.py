"""Surgery on the architectures of keras.applications: pruned to half their MACs, checked, saved, int8, C.

    python -m tools.reproduce.architectures
    python -m tools.reproduce.architectures --only MobileNet --only NASNetMobile

Every network has random weights, normalisation statistics included, and a small input. Random scores
choose what goes. Then, for each: the pruned network against the masked one, layer by layer, in double
precision; the pruned network as .keras, loaded again, the same outputs bit by bit; an int8 .tflite,
without floating point; and that as C. A stage that refuses a network is named with its reason. Nothing
is trained, so no accuracy is claimed.

Each network runs in a process of its own. Resumable: one with its row in --out is not run again.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune import __version__
from edgeprune.artifact import write_atomic
from edgeprune.cli.output import table
from edgeprune.data.dataset import Dataset
from edgeprune.errors import EdgepruneError

RESULT = Path(__file__).parent / "results" / "architectures.json"
SEED = 0
SPEEDUP = 2.0
CLASSES = 10
SAMPLES = 4
# Name in keras.applications: rows and columns of the input.
ARCHITECTURES = {
    "MobileNet": 96,
    "MobileNetV2": 96,
    "MobileNetV3Small": 96,
    "MobileNetV3Large": 96,
    "EfficientNetB0": 96,
    "NASNetMobile": 64,
    "VGG16": 32,
    "VGG19": 32,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "InceptionV3": 75,
    "InceptionResNetV2": 75,
    "Xception": 71,
    "EfficientNetV2B0": 64,
    "ConvNeXtTiny": 64,
    "EfficientNetB1": 64,
    "EfficientNetB2": 64,
    "EfficientNetB3": 32,
    "EfficientNetV2B1": 32,
    "EfficientNetV2B2": 32,
    "EfficientNetV2B3": 32,
    "EfficientNetV2S": 32,
    "ResNet101": 32,
    "ResNet101V2": 32,
    "ResNet152": 32,
    "ResNet152V2": 32,
    "DenseNet169": 32,
    "DenseNet201": 32,
    "ConvNeXtSmall": 32,
    "EfficientNetB4": 32,
    "EfficientNetB5": 32,
}
# One row: what a stage found, by its name.
Row = dict[str, Any]


def build(name: str) -> Any:
    """The network with random weights, none of its normalisations the identity."""
    import keras

    keras.utils.set_random_seed(SEED)
    pixels = ARCHITECTURES[name]
    make = getattr(keras.applications, name)
    model = make(weights=None, input_shape=(pixels, pixels, 3), classes=CLASSES)
    rng = np.random.default_rng(SEED)
    middles = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
    for layer in model.layers:
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(rng.uniform(0.1, 0.3, layer.gamma.shape))
        for variable in layer.weights if "Normalization" in type(layer).__name__ else ():
            if variable.name in middles:
                middle = middles[variable.name]
                variable.assign(rng.uniform(middle - 0.25, middle + 0.25, variable.shape))
    return model


def run(name: str, work: Path, note: Callable[[str], None]) -> Row:
    """Put one network through all stages; `note` is told of each. The row says where it stopped, and why."""
    row: Row = {"name": name, "pixels": ARCHITECTURES[name]}
    stage = "build"

    def enter(next_stage: str) -> None:
        nonlocal stage
        stage = next_stage
        note(f"{name}: {stage}")

    try:
        enter("build")
        _stages(name, work, row, enter)
    except EdgepruneError as error:
        row["failed"] = {"stage": stage, "reason": f"{type(error).__name__}: {error.message}"}
    return row


def _stages(name: str, work: Path, row: Row, enter: Callable[[str], None]) -> None:
    from edgeprune.graph.cost import count
    from edgeprune.graph.keras_in import from_keras
    from edgeprune.graph.keras_out import to_keras

    model = build(name)
    enter("read")
    graph = from_keras(model)
    cost = count(graph)
    row.update(nodes=len(graph.nodes), parameters=graph.parameters, macs=cost.macs)
    enter("prune")
    smaller, made = _prune(graph)
    row.update(made)
    enter("save and load")
    pruned = to_keras(smaller)
    loaded = _saved_and_loaded(pruned, work / "pruned.keras")
    row["loaded_equals_saved"] = True
    enter("int8")
    raw = _int8(loaded)
    row["int8_bytes"] = len(raw)
    enter("C")
    row["c"] = _generate(raw, name)


def _prune(graph: Any) -> tuple[Any, Row]:
    from edgeprune.graph.check import check
    from edgeprune.prune.apply import apply
    from edgeprune.prune.check import check_pruned
    from edgeprune.prune.methods import METHODS
    from edgeprune.prune.plan import gather, plan

    evidence = gather(graph, np.random.default_rng(SEED))
    made = plan(evidence, method=METHODS["random"], speedup=SPEEDUP)
    smaller = apply(graph, made)
    check(smaller)
    frozen = sum(entry.channels for entry in made.frozen)
    return smaller, {
        "groups": len(made.groups),
        "channels": frozen + sum(len(unit) for entry in made.groups for unit in entry.group.units),
        "channels_frozen": frozen,
        "channels_removed": sum(len(indices) for indices in made.removed.values()),
        "macs_after": made.after.macs,
        "parameters_after": smaller.parameters,
        "speedup": round(made.speedup, 4),
        "masked_difference": check_pruned(graph, smaller, made.removed, np.random.default_rng(SEED)),
    }


def _saved_and_loaded(model: Any, path: Path) -> Any:
    """The model from the file that it was saved to; raises InternalError where anything differs."""
    from edgeprune.errors import InternalError
    from edgeprune.graph.load import load_model

    model.save(path)
    loaded = load_model(path)
    x = np.random.default_rng(SEED).uniform(0, 255, (2, *model.input_shape[1:])).astype(np.float32)
    one, other = (np.asarray(each(x, training=False)) for each in (model, loaded))
    if not np.isfinite(one).all() or not np.array_equal(one, other):
        raise InternalError("the loaded network computes something else than the saved one")
    return loaded


def _int8(model: Any) -> bytes:
    from edgeprune.quant import quantize

    shape = model.input_shape[1:]
    x = np.random.default_rng(SEED).uniform(0, 255, (SAMPLES, *shape)).astype(np.float32)
    y = np.arange(SAMPLES, dtype=np.int32) % CLASSES
    return bytes(quantize(model, Dataset("noise", x, y, x[:1], y[:1], CLASSES), samples=SAMPLES, seed=SEED))


def _generate(raw: bytes, name: str) -> Row:
    """What the C of the network takes, or why there is none: a refusal here is an answer, no failure."""
    import hashlib

    from edgeprune.codegen.generate import generate
    from edgeprune.errors import ModelError
    from edgeprune.memory import plan_memory
    from edgeprune.memory.planners import PLANNERS
    from edgeprune.ops.cores import Goal
    from edgeprune.ops.fold import fold
    from edgeprune.tflite.read import read

    goal = Goal("cortex-m4")
    try:
        graph = fold(read(raw))
        plan = plan_memory(graph, PLANNERS["by_size"], goal)
        digest = hashlib.sha256(raw).hexdigest()
        made = generate(graph, plan, name=name, model_sha256=digest, goal=goal)
    except ModelError as error:
        return {"refused": error.message}
    return {
        "layers": len(made.layers),
        "arena_bytes": made.arena_bytes,
        "constant_bytes": made.constant_bytes,
    }


def passed(row: Row) -> bool:
    """Pruned, checked, saved, loaded and int8, and the MACs are down as asked."""
    return "int8_bytes" in row and row["speedup"] >= SPEEDUP


def _isolated(name: str, timeout_s: int) -> Row:
    """The row of `name`, from a process of its own: memory is given back, and a crash is a row too."""
    row: Row = {"name": name, "pixels": ARCHITECTURES[name]}
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "row.json"
        command = [sys.executable, "-m", "tools.reproduce.architectures", "--row", name, str(result)]
        try:
            ended = subprocess.run(command, stdout=sys.stderr, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            return {**row, "failed": {"stage": "any", "reason": f"not finished after {timeout_s} s"}}
        if ended.returncode:
            return {**row, "failed": {"stage": "any", "reason": f"its process ended with {ended.returncode}"}}
        found: Row = json.loads(result.read_text(encoding="utf-8"))
        return found


def _versions() -> dict[str, str]:
    packages = ("numpy", "keras", "tensorflow-cpu")
    found = {package: metadata.version(package) for package in packages}
    return {"edgeprune": __version__, "python": platform.python_version(), **found}


def _save(out: Path, rows: list[Row]) -> None:
    order = {name: place for place, name in enumerate(ARCHITECTURES)}
    result = {
        "command": "python -m tools.reproduce.architectures",
        "versions": _versions(),
        "machine": platform.machine(),
        "seed": SEED,
        "speedup": SPEEDUP,
        "classes": CLASSES,
        "calibration_samples": SAMPLES,
        "passed": sum(passed(row) for row in rows),
        "rows": sorted(rows, key=lambda row: order.get(row["name"], len(order))),
    }
    write_atomic(out, json.dumps(result, indent=1) + "\n")


def _show(rows: list[Row]) -> None:
    def line(row: Row) -> list[str]:
        c = row.get("c", {})
        why = row["failed"]["stage"] + ": " + row["failed"]["reason"] if "failed" in row else c.get("refused")
        end = f"{c['layers']} layers, arena {c['arena_bytes']} B" if "layers" in c else str(why)
        macs = [str(row.get(key, "-")) for key in ("nodes", "macs", "macs_after", "speedup")]
        difference = f"{row['masked_difference']:.1e}" if "masked_difference" in row else "-"
        return [row["name"], *macs, difference, "yes" if passed(row) else "NO", end]

    head = ["network", "nodes", "MACs", "pruned", "speed-up", "difference", "int8", "C"]
    sys.stdout.write(table([line(row) for row in rows], head) + "\n")


def main() -> int:
    """Run what has no row yet; exit 1 where a network does not come through."""
    parser = argparse.ArgumentParser(prog="python -m tools.reproduce.architectures", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(ARCHITECTURES), metavar="NAME")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--timeout", type=int, default=1800, metavar="SECONDS", help="for one network")
    parser.add_argument("--row", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        name, file = options.row
        with tempfile.TemporaryDirectory() as temporary:
            row = run(name, Path(temporary), lambda text: print(text, file=sys.stderr, flush=True))
        write_atomic(Path(file), json.dumps(row))
        return 0
    rows: list[Row] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    done = {row["name"] for row in rows if "failed" not in row}
    for name in options.only or ARCHITECTURES:
        if name in done:
            continue
        started = time.monotonic()
        row = _isolated(name, options.timeout)
        row["seconds"] = round(time.monotonic() - started, 1)
        rows = [*(other for other in rows if other["name"] != name), row]
        _save(options.out, rows)
    _show(rows)
    return 0 if all(passed(row) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
