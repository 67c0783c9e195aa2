"""No count rises unnoticed: instructions, arena and constants of whole networks against counts.json.

Counts are exact, so this is a test and no benchmark. What a change makes more than 1 % worse, or better,
has to be recorded: `pytest tests/codegen/test_counts.py --update-golden`, and shows in the diff.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from support.tools import require_module

from edgeprune.artifact import write_atomic
from edgeprune.ops.cores import Goal
from edgeprune.ops.fold import fold
from edgeprune.tflite.read import read

COUNTS = Path(__file__).parent / "counts.json"
TOLERANCE = 0.01
MODELS = {
    "ic": "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
    "kws": "mlperf_tiny/kws/kws_ref_model.tflite",
    "vww": "mlperf_tiny/vww/vww_96_int8.tflite",
    "ad": "mlperf_tiny/ad/ad01_int8.tflite",
}
GOALS = {
    "cortex-m0plus": Goal("cortex-m0plus"),
    "cortex-m4": Goal("cortex-m4"),
    "cortex-m4 speed": Goal("cortex-m4", "speed"),
    "portable": Goal("cortex-m4", is_portable=True),
}


@pytest.fixture(scope="module")
def recorded(request):
    """The counts on record; new ones are written at the end where that was asked for."""
    counts = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    yield counts
    if request.config.getoption("--update-golden"):
        write_atomic(COUNTS, json.dumps(counts, indent=1, sort_keys=True) + "\n")


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("model", MODELS)
def test_counts_are_those_on_record(model, goal, recorded, shared_data, request):
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    graph = fold(read((shared_data / MODELS[model]).read_bytes()))
    compiled = CoreModel(graph, GOALS[goal])
    rng = np.random.default_rng(0)
    tensors = [graph.tensors[i] for i in graph.inputs]
    compiled.run([rng.integers(-128, 128, t.shape).astype(np.int8) for t in tensors], count=True)
    found = {
        "instructions": sum(layer.instructions for layer in compiled.counts),
        "arena_bytes": compiled.plan.arena_bytes,
        "constant_bytes": compiled.generated.constant_bytes,
    }
    if request.config.getoption("--update-golden"):
        recorded.setdefault(model, {})[goal] = found
    for name, value in found.items():
        known = recorded[model][goal][name]
        assert abs(value - known) <= TOLERANCE * known, f"{name} was {known:,}, is {value:,}"
