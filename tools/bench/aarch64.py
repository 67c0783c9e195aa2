"""Instructions for one inference on a virtual Pi: the native runtime against LiteRT (XNNPACK, one thread).

    python -m tools.bench.aarch64 [--models ic,kws,vww] [--targets rpi4,rpi5] [--runs 5]

Both run under the same emulated core (rpi4: Cortex-A72, rpi5: Cortex-A76) on an input of zeros, after
warm-up, between marks that a plugin of QEMU's sees (edgeprune/device/emulator/pi_count.py): counts are
exact, of all threads. LiteRT is called as the runner calls it, by `Interpreter.invoke` from Python, whose
own few thousand instructions are in its count; what the marks and the loop around it take is not.
Instructions are not time. Writes results/aarch64.json.
"""

import argparse
import json
import statistics
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.artifact import Store, default_store, sha256_bytes, write_atomic
from edgeprune.cli.output import table
from edgeprune.device.emulator.pi import environment
from edgeprune.device.emulator.pi_count import MARK, count
from edgeprune.device.emulator.pi_root import python_program, root_folder
from edgeprune.device.native import build_native
from edgeprune.device.target import Target, find_target
from edgeprune.device.wheels import download_wheels
from edgeprune.ops.fold import fold
from edgeprune.runner.linux.pack import requirements
from edgeprune.tflite.read import read
from tools.bench.__main__ import MLPERF
from tools.reproduce.cifar10 import folder

RESULTS = Path(__file__).parent / "results"
MODELS = ("ic", "kws", "vww")
TARGETS = ("rpi4", "rpi5")
WARM_UP = 3
# Marks 2n and 2n + 1 have nothing but the loop between them, 2n + 1 and 2n + 2 an inference.
GUEST = f"""
import gc, os, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

def mark(number):
    try:
        os.getpriority({MARK}, number)
    except OSError:
        pass

interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for given in interpreter.get_input_details():
    interpreter.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
for _ in range({WARM_UP}):
    interpreter.invoke()
gc.disable()
mark(0)
for number in range(1, 2 * int(sys.argv[2]), 2):
    mark(number)
    interpreter.invoke()
    mark(number + 1)
"""


def count_litert(model: Path, target: Target, work: Path, runs: int) -> list[int]:
    """Instructions of each of `runs` inferences of LiteRT in a virtual Pi that is made in `work`."""
    pi = environment(work, target)
    inside = {**pi, "PYTHONPATH": str(_packages(target)), "PYTHONHASHSEED": "0"}
    counts = count([str(work / "bin" / "python3"), "-c", GUEST, str(model), str(runs)], inside)
    around = min(counts[::2])
    return [inference - around for inference in counts[1::2]]


def count_native(program: Path, environment: Mapping[str, str], runs: int) -> list[int]:
    """Instructions of each of `runs` inferences of a native runner, which sets the marks in its `bench`."""
    return count([environment["EDGEPRUNE_EXEC"], str(program), "bench", str(runs)], environment)[::2]


def _packages(target: Target) -> Path:
    """A folder with what the runner requires, as it lies in the wheels for arm64."""
    python = python_program(root_folder()).name.removeprefix("python")
    wanted = requirements()

    def make(result: Path, work: Path) -> None:
        for wheel in download_wheels(wanted, target, work, [python]):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(result)

    inputs = {"requirements": wanted, "python": python}
    return Store(default_store().absolute()).stage("pi-packages", inputs, make).folder


def measure(name: str, target: Target, work: Path, runs: int) -> dict[str, Any]:
    """One row: both runtimes on one model and core."""
    model = folder() / MLPERF[name]
    data = model.read_bytes()
    native = build_native(fold(read(data)), target, work / "native", model_sha256=sha256_bytes(data))
    counts = {
        "litert": count_litert(model, target, work / "pi", runs),
        "native": count_native(native.elf, environment(work / "pi", target), runs),
    }
    row: dict[str, Any] = {"model": name, "target": target.name, "core": target.core}
    for runtime, found in counts.items():
        row[f"{runtime}_instructions"] = round(statistics.median(found))
        row[f"{runtime}_spread"] = max(found) - min(found)
    row["ratio"] = row["native_instructions"] / row["litert_instructions"]
    row["native_bytes"] = native.size_bytes
    row["model_bytes"] = len(data)
    return row


def main() -> int:
    """Measure what is asked, write the JSON, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = []
    for name in given.models.split(","):
        for target in given.targets.split(","):
            with tempfile.TemporaryDirectory(prefix="edgeprune-") as work:
                rows.append(measure(name, find_target(target), Path(work), given.runs))
            print(json.dumps(rows[-1]), file=sys.stderr)
    result = {
        "command": "python -m tools.bench.aarch64",
        "edgeprune": __version__,
        "requirements": [line for line in requirements().splitlines() if "==" in line],
        "runs": given.runs,
        "results": rows,
    }
    write_atomic(given.out / "aarch64.json", json.dumps(result, indent=1) + "\n")
    columns = {
        "model": "model",
        "core": "core",
        "LiteRT": "litert_instructions",
        "native": "native_instructions",
        "native / LiteRT": "ratio",
        "native's bytes": "native_bytes",
    }
    print(table([[row[key] for key in columns.values()] for row in rows], list(columns)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
