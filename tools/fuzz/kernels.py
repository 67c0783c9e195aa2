"""Random one-operator networks: C kernel, reference and TFLM agree bit for bit.

    python -m tools.fuzz.kernels --networks 200 --seed 1
    python -m tools.fuzz.kernels --ops MEAN,PAD --networks 1000

The kernels of a batch are compiled into one program, with sanitizers and guard bytes around every
buffer. TFLM is asked where tflite_micro is installed (`tflm` in the JSON says whether it was). A finding
is the number of a batch and what differed in it; `--replay` draws that batch again.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ops import OPS, evaluate
from edgeprune.ops.base import Case
from edgeprune.tflite.graph import Array, QuantGraph
from tools.fuzz.common import (
    Finding,
    Tally,
    from_tests,
    parser,
    random_array,
    same_bytes,
    sanitizing_compiler,
)
from tools.fuzz.networks import DRAWS

LIMIT_S = 120
RUNS = 3
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror")


def draw_batch(
    op: str, seed: int, number: int, size: int, tally: Tally
) -> list[tuple[QuantGraph, list[list[Array]]]]:
    """`size` networks that the operator's rules accept, each with inputs for `RUNS` runs."""
    rng = np.random.default_rng([seed, number, OPS.names.index(op)])
    batch: list[tuple[QuantGraph, list[list[Array]]]] = []
    refused = 0
    while len(batch) < size:
        graph = DRAWS[op](rng)
        try:
            OPS[op].checked(graph, graph.nodes[0])
        except ModelError:
            refused += 1
            if refused > 50 * size:
                raise Finding(f"the rules of {op} refuse nearly everything that is drawn") from None
            continue
        tensors = [graph.tensors[i] for i in graph.inputs]
        batch.append((graph, [[random_array(t, rng) for t in tensors] for _ in range(RUNS)]))
    tally.counts["networks refused by rules"] += refused
    return batch


def has_tflm() -> bool:
    return importlib.util.find_spec("tflite_micro") is not None


def run_batch(op: str, seed: int, number: int, size: int, tally: Tally) -> str:
    """Compare all of a batch; raises Finding at the first difference."""
    batch = draw_batch(op, seed, number, size, tally)
    expected = [[evaluate(graph, run) for run in runs] for graph, runs in batch]
    if has_tflm():
        compare_tflm(batch, expected, tally)
    if not OPS[op].is_alias:
        compare_kernels(op, batch, expected)
    tally.counts[f"networks of {op}"] += len(batch)
    return "batches equal"


def compare_tflm(
    batch: list[tuple[QuantGraph, list[list[Array]]]], expected: list[list[list[Array]]], tally: Tally
) -> None:
    """References against TFLM; a network that TFLM refuses is a finding, since our rules accept it."""
    oracle, writer = from_tests("support.oracle"), from_tests("support.tflite_writer")
    for (graph, runs), wanted in zip(batch, expected, strict=True):
        model = writer.write(graph)
        try:
            results = oracle.tflm_runs(model, runs)
        except RuntimeError as error:
            raise Finding(f"TFLM refuses {graph}: {error}") from error
        for one, other in zip(wanted, results, strict=True):
            same_bytes(one, other, f"TFLM and reference of {graph}")
        tally.counts["networks equal to TFLM"] += 1


def compare_kernels(
    op: str, batch: list[tuple[QuantGraph, list[list[Array]]]], expected: list[list[list[Array]]]
) -> None:
    """The C kernels against the references."""
    kernels = from_tests("support.kernels")
    compiler, flags, _ = sanitizing_compiler()
    cases = [Case(str(number), graph) for number, (graph, _) in enumerate(batch)]
    runs = [kernels.Run(i, tuple(run)) for i, (_, inputs) in enumerate(batch) for run in inputs]
    wanted = [outputs for network in expected for outputs in network]
    with tempfile.TemporaryDirectory(prefix="edgeprune-fuzz-") as folder:
        program = kernels.KernelProgram(OPS[op], cases, Path(folder), [*compiler, *flags, *WARNINGS])
        made = program.outputs(runs)
    for run, arrays, data in zip(runs, wanted, made, strict=True):
        got = [np.frombuffer(d, a.dtype).reshape(a.shape) for d, a in zip(data, arrays, strict=True)]
        same_bytes(arrays, got, f"kernel and reference of {batch[run.case][0]}")


def main() -> int:
    """Run batches of every operator in turn, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("--networks", type=int, default=60, help="of each operator")
    options_of.add_argument("--batch", type=int, default=20, help="networks in one program")
    options_of.add_argument("--ops", default=",".join(DRAWS), help="operators, comma between them")
    options = options_of.parse_args()
    missing = sorted(set(options.ops.split(",")) - set(DRAWS))
    if missing:
        options_of.error(f"no generator for {', '.join(missing)}")
    tally = Tally("kernels", options)
    jobs = _replayed(options) if options.replay is not None else _jobs(options)
    for op, seed, number, size in jobs:
        if tally.is_over:
            break
        data = json.dumps({"op": op, "seed": seed, "number": number, "size": size}).encode()
        name = f"{op}-{seed}-{number}.json"
        tally.try_case(name, data, LIMIT_S, partial(run_batch, op, seed, number, size, tally))
    return tally.finish(tflm=has_tflm(), sanitizers=sanitizing_compiler()[2])


def _jobs(options: argparse.Namespace) -> list[tuple[str, int, int, int]]:
    ops = [OPS[name].name for name in options.ops.split(",")]
    rounds = -(-options.networks // options.batch)
    size = min(options.batch, options.networks)
    return [(op, options.seed, number, size) for number in range(rounds) for op in ops]


def _replayed(options: argparse.Namespace) -> list[tuple[str, int, int, int]]:
    job = json.loads(options.replay.read_text(encoding="utf-8"))
    return [(str(job["op"]), int(job["seed"]), int(job["number"]), int(job["size"]))]


if __name__ == "__main__":
    sys.exit(main())
