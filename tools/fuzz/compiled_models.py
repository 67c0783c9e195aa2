"""Damaged copies of real models that are accepted all the same: their C must do what the reference does.

    python -m tools.fuzz.compiled_models FOLDER --mutations 5000 --most 200 --seed 1

A mutation that read and bind accept is planned, generated, compiled with sanitizers and run on random
inputs, which its bytes decide: once, or three times in a row where it has state. ModelError and
BudgetError are refusals; every other exception, a sanitizer's report, another output or a case that takes
too long is a finding.
"""

import hashlib
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edgeprune.codegen.generate import GeneratedC, generate
from edgeprune.device.hostlib import SanitizedModel
from edgeprune.errors import BudgetError, ModelError
from edgeprune.memory import plan_memory
from edgeprune.memory.planners import PLANNERS
from edgeprune.ops import ReferenceModel, bind
from edgeprune.tflite.graph import Array, QuantGraph
from edgeprune.tflite.read import read
from tools.fuzz.common import Tally, memory_limit, parser, random_array, same_bytes, sanitizing_compiler
from tools.fuzz.tflite_reader import mutant

LIMIT_S = 60
MEMORY_BYTES = 6 << 30
SMALL_BYTES = 60_000
STATEFUL_RUNS = 3


class _Accepted:
    """What the host alone makes of a model, within limits of memory."""

    def __init__(self, graph: QuantGraph, data: bytes) -> None:
        digest = hashlib.sha256(data)
        rng = np.random.default_rng(int.from_bytes(digest.digest()[:8], "little"))
        plan = plan_memory(graph, PLANNERS["search"])
        self.arena_bytes = plan.arena_bytes
        self.generated: GeneratedC = generate(graph, plan, name="mutant", model_sha256=digest.hexdigest())
        count = STATEFUL_RUNS if graph.variables else 1
        self.runs: list[list[Array]] = [
            [random_array(graph.tensors[i], rng) for i in graph.inputs] for _ in range(count)
        ]
        reference = ReferenceModel(graph)
        self.outputs = [reference.run(inputs) for inputs in self.runs]


def outcome(data: bytes, originals: Sequence[QuantGraph], options: Namespace) -> str:
    """What becomes of the model `data`; raises what is a finding."""
    try:
        with memory_limit(MEMORY_BYTES):
            graph = read(data)
            if graph in originals:
                return "accepted, unchanged"
            bind(graph)
            accepted = _Accepted(graph, data)
    except ModelError:
        return "refused"
    except BudgetError:
        return "over budget"
    if accepted.arena_bytes > options.arena_mb << 20:
        return "accepted, arena too large to run"
    compiler, flags, _ = sanitizing_compiler()
    with tempfile.TemporaryDirectory(prefix="edgeprune-fuzz-") as name:
        sources, work = Path(name) / "src", Path(name) / "work"
        sources.mkdir()
        work.mkdir()
        for file, text in accepted.generated.files.items():
            (sources / file).write_text(text, encoding="utf-8")
        made = SanitizedModel(sources, graph, work, compiler, flags).runs(accepted.runs)
    for number, (wanted, got) in enumerate(zip(accepted.outputs, made, strict=True)):
        same_bytes(wanted, got, f"generated C and reference, run {number}")
    return "compiled, equal"


def accepted_graphs(models: Sequence[bytes]) -> list[QuantGraph]:
    """The models that are compiled as they are."""
    graphs = []
    for data in models:
        try:
            graph = read(data)
            bind(graph)
        except ModelError:
            continue
        graphs.append(graph)
    return graphs


def main() -> int:
    """Run the mutations, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("folder", type=Path, nargs="?", help="where the models are, at any depth")
    options_of.add_argument("--mutations", type=int, default=5000)
    options_of.add_argument("--most", type=int, default=200, help="compile at most so many")
    options_of.add_argument("--model-bytes", type=int, default=SMALL_BYTES, help="largest file to damage")
    options_of.add_argument("--arena-mb", type=int, default=64, help="run nothing with a larger arena")
    options = options_of.parse_args()
    tally = Tally("compiled_models", options)
    if options.replay is not None:
        data = options.replay.read_bytes()
        tally.try_case(options.replay.name, data, LIMIT_S, lambda: outcome(data, (), options))
        return tally.finish(sanitizers=sanitizing_compiler()[2])
    if options.folder is None:
        options_of.error("a folder of models is needed")
    models = [path.read_bytes() for path in sorted(options.folder.rglob("*.tflite"))]
    models = [model for model in models if len(model) <= options.model_bytes]
    originals = accepted_graphs(models)
    if not originals:
        options_of.error(f"no .tflite file in {options.folder} is small enough and accepted")
    for number in range(options.mutations):
        if tally.is_over or tally.counts["compiled, equal"] >= options.most:
            break
        data = mutant(models, options.seed, number)
        name = f"{options.seed}-{number}.tflite"
        tally.try_case(name, data, LIMIT_S, partial(outcome, data, originals, options))
    return tally.finish(models=len(models), sanitizers=sanitizing_compiler()[2])


if __name__ == "__main__":
    sys.exit(main())
