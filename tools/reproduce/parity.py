"""Every model of the shared data that TFLM runs: board against TFLM, byte for byte.

    python -m tools.reproduce.parity                      # both targets, 32 random inputs and the golden ones
    python -m tools.reproduce.parity --only ic --inputs 4

Each model is built for virtual-m4 and host, flashed, and run through the board over its serial line, as
`edgeprune run` does. The oracle is TensorFlow Lite Micro (the PyPI package tflite-micro, reference
kernels). Models with state meet their inputs in sequences of 4 runs, each after a reset. Instructions
are an exact count of one inference on virtual-m4; RAM figures come from the Bundle. What does not fit
the board is compared on the host alone. Resumable: a model with its result in --out is not run again.
"""

import argparse
import csv
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
from edgeprune.errors import BudgetError, ModelError
from edgeprune.ops import bind
from edgeprune.ops.fold import fold
from edgeprune.pipeline import build
from edgeprune.profile.run import run_arrays
from edgeprune.recipe import Recipe
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph, Tensor
from edgeprune.tflite.read import read
from tools.reproduce.cifar10 import folder

TARGETS = ("virtual-m4", "host")
GOLDEN_RUNS = 4
SEQUENCE = 4
ORACLE_ARENA_BYTES = 16 << 20
RESULT = Path(__file__).parent / "results" / "parity.json"


def candidates(root: Path) -> list[Path]:
    """Every `.tflite` that TFLM runs, by the index."""
    with (root / "tflite_index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [root / row["path"] for row in rows if row["tflm"] == "runs"]


def refusal(path: Path) -> str | None:
    """Why the model cannot be compiled, None if it can."""
    try:
        bind(fold(read(path.read_bytes())))
    except ModelError as error:
        return error.message
    return None


def random_inputs(graph: QuantGraph, count: int) -> list[list[Array]]:
    """`count` inputs, seeded: integers over the whole range of their type, floats over 0 to 1."""
    rng = np.random.default_rng(0)

    def one(tensor: Tensor) -> Array:
        dtype = DTYPES[tensor.dtype]
        if dtype.kind == "f":
            return rng.random(tensor.shape, np.float32)
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, tensor.shape, dtype, endpoint=True)

    return [[one(graph.tensors[i]) for i in graph.inputs] for _ in range(count)]


def golden_inputs(graph: QuantGraph) -> list[list[Array]]:
    """The inputs that the shared golden outputs were made from (see the data's README)."""
    rs = np.random.RandomState(20240101)

    def one(tensor: Tensor) -> Array:
        if tensor.dtype == "float32":
            return rs.random_sample(size=tensor.shape).astype(np.float32)
        limits = {"int8": (-128, 128), "uint8": (0, 256), "int16": (-32768, 32768)}[tensor.dtype]
        return rs.randint(*limits, size=tensor.shape).astype(DTYPES[tensor.dtype])

    return [[one(graph.tensors[i]) for i in graph.inputs] for _ in range(GOLDEN_RUNS)]


def oracle(path: Path, inputs: list[list[Array]]) -> list[list[Array]]:
    """TFLM's outputs for each of `inputs`, a fresh interpreter for each sequence."""
    from tflite_micro import runtime

    graph, results = read(path.read_bytes()), []
    for number, given in enumerate(inputs):
        if number == 0 or (graph.variables and number % SEQUENCE == 0):
            interpreter = runtime.Interpreter.from_file(str(path), arena_size=ORACLE_ARENA_BYTES)
        for index, array in enumerate(given):
            interpreter.set_input(array, index)
        interpreter.invoke()
        results.append([np.array(interpreter.get_output(i)) for i in range(len(graph.outputs))])
    return results


def on_board(
    path: Path, target: str, inputs: list[list[Array]], work: Path
) -> tuple[list[list[Array]], dict[str, Any]]:
    """The board's outputs for each of `inputs`, and the Bundle's manifest."""
    recipe = Recipe(model=str(path), target=target, out=str(work / target))
    bundle = Bundle.open(build(recipe, Store(default_store())).bundle)
    board = Board(target, find_target(target), work / f"board-{target}")
    flash(bundle, board)
    shapes = [tuple(tensor["shape"]) for tensor in bundle.manifest["io"]["inputs"]]
    step = SEQUENCE if read(path.read_bytes()).variables else len(inputs)
    results: list[list[Array]] = []
    for first in range(0, len(inputs), step):
        part = inputs[first : first + step]
        stacked = [np.stack([given[i].reshape(shape) for given in part]) for i, shape in enumerate(shapes)]
        outputs = run_arrays(bundle, board, stacked)  # resets the state first
        results += [[output[n] for output in outputs] for n in range(len(part))]
    return results, dict(bundle.manifest)


def compare(path: Path, root: Path, count: int) -> dict[str, Any]:
    """Run one model on every target; the row of the table."""
    graph = read(path.read_bytes())
    inputs = random_inputs(graph, count) + golden_inputs(graph)
    wanted = oracle(path, inputs)
    row: dict[str, Any] = {"model": path.relative_to(root).as_posix(), "inputs": len(inputs)}
    with tempfile.TemporaryDirectory() as temporary:
        for target in TARGETS:
            try:
                found, manifest = on_board(path, target, inputs, Path(temporary))
            except BudgetError as error:
                row[target] = {"bytes_compared": 0, "mismatches": 0, "does_not_fit": error.message}
                continue
            compared = mismatches = 0
            for one, other in zip(found, wanted, strict=True):
                for made, right in zip(one, other, strict=True):
                    bytes_made = np.frombuffer(made.tobytes(), np.uint8)
                    bytes_right = np.frombuffer(right.tobytes(), np.uint8)
                    compared += bytes_right.size
                    mismatches += int(np.count_nonzero(bytes_made != bytes_right))
            row[target] = {"bytes_compared": compared, "mismatches": mismatches}
            if manifest["measured"]:
                row["instructions"] = manifest["measured"]["instructions"]
                row["modelled_cycles"] = manifest["measured"]["cycles"]
                row["memory"] = manifest["memory"]
    row["golden_equal_litert"] = golden_equal(path, root, wanted[count:])
    return row


def golden_equal(path: Path, root: Path, outputs: list[list[Array]]) -> bool | None:
    """Whether TFLM gives the stored golden outputs (made with LiteRT); None if there are none."""
    with np.load(root / "tflite_golden.npz") as golden:
        name = path.relative_to(root).as_posix()
        keys = {key: golden[key] for key in golden.files if key.startswith(f"{name}/")}
    if not keys:
        return None
    return all(
        np.array_equal(keys[f"{name}/{run}/{index}"].reshape(-1), array.reshape(-1))
        for run, arrays in enumerate(outputs)
        for index, array in enumerate(arrays)
    )


def main() -> int:
    """Run, print the table, write the result; 0 if no byte differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=32)
    parser.add_argument("--only", default="", help="a part of the path")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    root = folder()
    stored = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {"rows": []}
    rows: list[dict[str, Any]] = stored["rows"]
    refused = {}
    for path in candidates(root):
        name = path.relative_to(root).as_posix()
        if arguments.only not in name:
            continue
        reason = refusal(path)
        if reason is not None:
            refused[name] = reason
            continue
        if any(row["model"] == name and row["inputs"] == arguments.inputs + GOLDEN_RUNS for row in rows):
            continue
        started = time.monotonic()
        rows = [row for row in rows if row["model"] != name] + [compare(path, root, arguments.inputs)]
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        save(arguments.out, rows, refused)
    save(arguments.out, rows, refused)
    print(show(rows))
    for name, reason in refused.items():
        print(f"refused: {name}: {reason}")
    return int(any(row[target]["mismatches"] for row in rows for target in TARGETS))


def save(place: Path, rows: list[dict[str, Any]], refused: dict[str, str]) -> None:
    """Write what is known so far, with what it was made with."""
    versions = {name: metadata.version(name) for name in ("numpy", "unicorn", "ziglang", "tflite-micro")}
    result = {
        "command": "python -m tools.reproduce.parity",
        "versions": {"edgeprune": __version__, "python": platform.python_version(), **versions},
        "machine": platform.machine(),
        "rows": sorted(rows, key=lambda row: str(row["model"])),
        "refused": refused,
    }
    write_atomic(place, json.dumps(result, indent=1) + "\n")


def show(rows: list[dict[str, Any]]) -> str:
    """The table for people."""
    header = ("model", "bytes", "mismatches m4", "host", "instructions", "arena", "lower bound")
    lines = [
        (
            row["model"],
            row["virtual-m4"]["bytes_compared"],
            row["virtual-m4"]["mismatches"],
            row["host"]["mismatches"],
            row.get("instructions", "does not fit"),
            row["memory"]["arena_bytes"] if "memory" in row else "",
            row["memory"]["arena_lower_bound_bytes"] if "memory" in row else "",
        )
        for row in sorted(rows, key=lambda row: str(row["model"]))
    ]
    return table(lines, header)


if __name__ == "__main__":
    raise SystemExit(main())
