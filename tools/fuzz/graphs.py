"""Random networks of 1 to 12 operators: TFLM, reference, host C and a virtual core, byte for byte.

    python -m tools.fuzz.graphs --graphs 5000 --seed 1
    python -m tools.fuzz.graphs --graphs 200 --cores cortex-m4,cortex-m0plus

Batches of networks are merged into one program for each core (compiling is what takes time) and into
one for the host, with sanitizers. Outputs overwrite inputs wherever the kernels allow it. A finding is
saved as the `.tflite` of the one network that differs.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from edgeprune.codegen.generate import generate
from edgeprune.device.emulator.bare import CoreModel
from edgeprune.device.hostlib import SanitizedModel
from edgeprune.errors import ModelError
from edgeprune.memory import plan_memory
from edgeprune.memory.planners.search import Search
from edgeprune.ops import bind, evaluate, merge
from edgeprune.ops.cores import PORTABLE, Goal
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
from tools.fuzz.kernels import has_tflm
from tools.fuzz.random_graphs import random_graph

LIMIT_S = 300
RUNS = 2
PLANNER = Search(tries=8)

Outputs = list[list[Array]]


def draw(seed: int, number: int, tally: Tally) -> tuple[QuantGraph, list[list[Array]]]:
    """Network `number`, drawn again until every operator's rules accept it, with its inputs."""
    for attempt in range(200):
        rng = np.random.default_rng([seed, number, attempt])
        graph = random_graph(rng)
        try:
            bind(graph)
        except ModelError:
            tally.counts["networks refused by rules"] += 1
            continue
        if graph.nodes:
            return graph, [[random_array(graph.tensors[i], rng) for i in graph.inputs] for _ in range(RUNS)]
    raise Finding(f"the rules refuse all that is drawn for network {number}")


def by_network(graphs: list[QuantGraph], outputs: list[Array]) -> list[list[Array]]:
    """The outputs of a merged network, apart again."""
    apart, at = [], 0
    for graph in graphs:
        apart.append(outputs[at : at + len(graph.outputs)])
        at += len(graph.outputs)
    return apart


class Batch:
    """Networks compiled together; `expected[run][network]` is what the references make of them."""

    def __init__(self, drawn: list[tuple[QuantGraph, list[list[Array]]]]) -> None:
        self.graphs = [graph for graph, _ in drawn]
        self.inputs = [[inputs[run] for _, inputs in drawn] for run in range(RUNS)]
        self.expected = [
            [evaluate(graph, given) for graph, given in zip(self.graphs, run, strict=True)]
            for run in self.inputs
        ]
        self.merged = merge(self.graphs)

    def joined(self, run: int) -> list[Array]:
        return [array for given in self.inputs[run] for array in given]

    def tflm(self, network: int) -> None:
        """Hold one network's references against TFLM."""
        oracle, writer = from_tests("support.oracle"), from_tests("support.tflite_writer")
        model = writer.write(self.graphs[network])
        try:
            results = oracle.tflm_runs(model, [run[network] for run in self.inputs])
        except RuntimeError as error:
            raise Finding(f"TFLM refuses what we accept: {error}") from error
        for run, outputs in enumerate(results):
            same_bytes(outputs, self.expected[run][network], "TFLM and reference")

    def core(self, core: str, optimize: str) -> Outputs:
        """What a virtual core makes of all networks, in the last run."""
        model = CoreModel(self.merged, Goal(core, optimize), planner=PLANNER)  # type: ignore[arg-type]
        for run in range(RUNS):
            made = model.run(self.joined(run))
        return by_network(self.graphs, made)

    def host(self) -> Outputs:
        """What the portable C makes of them here, under sanitizers."""
        plan = plan_memory(self.merged, PLANNER, PORTABLE)
        generated = generate(self.merged, plan, name="fuzz", model_sha256="0" * 64)
        compiler, flags, _ = sanitizing_compiler()
        with tempfile.TemporaryDirectory(prefix="edgeprune-fuzz-") as temporary:
            sources, work = Path(temporary) / "src", Path(temporary) / "work"
            sources.mkdir()
            work.mkdir()
            for name, text in generated.files.items():
                (sources / name).write_text(text, encoding="utf-8")
            model = SanitizedModel(sources, self.merged, work, compiler, flags)
            made = model.run(self.joined(RUNS - 1))
        return by_network(self.graphs, made)


def run_batch(seed: int, numbers: range, places: list[str], tally: Tally) -> str:
    """Draw, compute everywhere, compare; differences are findings of single networks."""
    batch = Batch([draw(seed, number, tally) for number in numbers])
    writer = from_tests("support.tflite_writer")
    models = [writer.write(graph) for graph in batch.graphs]
    if has_tflm():
        for network, number in enumerate(numbers):
            case = partial(_tflm_case, batch, network)
            tally.try_case(f"{seed}-{number}-tflm.tflite", models[network], LIMIT_S, case)
    for place in places:
        core, _, optimize = place.partition(":")
        made = batch.host() if core == "host" else batch.core(core, optimize or "balanced")
        for network, number in enumerate(numbers):
            wanted, got = batch.expected[RUNS - 1][network], made[network]
            case = partial(_same, wanted, got, place)
            tally.try_case(f"{seed}-{number}-{core}.tflite", models[network], LIMIT_S, case)
    for graph in batch.graphs:
        tally.counts.update(f"nodes {node.op}" for node in graph.nodes)
    return "batches"


def _tflm_case(batch: Batch, network: int) -> str:
    batch.tflm(network)
    return "networks: reference equals TFLM"


def _same(wanted: list[Array], made: list[Array], place: str) -> str:
    same_bytes(wanted, made, f"reference and {place}")
    return f"networks: {place} equals reference"


def main() -> int:
    """Run batches of random networks, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("--graphs", type=int, default=100)
    options_of.add_argument("--batch", type=int, default=25, help="networks in one program")
    options_of.add_argument("--first", type=int, default=0, help="the number of the first network")
    options_of.add_argument(
        "--places", default="host,cortex-m4", help="host, CORE or CORE:OPTIMIZE, with commas"
    )
    options = options_of.parse_args()
    tally = Tally("graphs", options)
    end = options.first + options.graphs
    for first in range(options.first, end, options.batch):
        if tally.is_over:
            break
        numbers = range(first, min(first + options.batch, end))
        name = f"batch-{options.seed}-{first}.txt"
        run = partial(run_batch, options.seed, numbers, options.places.split(","), tally)
        tally.try_case(name, str(numbers).encode(), LIMIT_S, run)
    return tally.finish(tflm=has_tflm(), sanitizers=sanitizing_compiler()[2])


if __name__ == "__main__":
    sys.exit(main())
