"""Every operator's cases on virtual cores: the kernels that a core gets agree with the references.

Outputs overwrite inputs as far as the kernels say that they may (KernelCall.lags), so a kernel that
overwrites what it has yet to read is found here too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pytest
from support.tools import require_module

from edgeprune.memory.plan import Buffer, MemoryPlan, round_up
from edgeprune.ops import ReferenceModel, all_ops, merge
from edgeprune.ops.base import Case
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import DTYPES, Array, Tensor

CORES = ["cortex-m0plus", "cortex-m4"]
BATCH = 40
"""Cases compiled together."""


@dataclass(frozen=True)
class Touching:
    """A planner: every output as far over an input as that input's lag allows, all else apart."""

    name: str = "touching"

    def plan(self, buffers: Iterable[Buffer], align_bytes: int) -> MemoryPlan:
        known = {buffer.name: buffer for buffer in buffers}
        offsets: dict[Buffer, int] = {}
        end = 0
        for output in sorted(known.values(), key=lambda buffer: -len(buffer.over)):
            group = [(output, 0)]
            group += [(known[name], round_up(lag, align_bytes)) for name, lag in output.over[:1]]
            placed = [(buffer, end + at) for buffer, at in group if buffer not in offsets]
            if len(placed) == len(group):
                offsets.update(placed)
            elif output not in offsets:
                offsets[output] = end
            end = round_up(max(at + b.size_bytes for b, at in offsets.items()), align_bytes)
        return MemoryPlan(offsets, align_bytes, self.name)


def random_array(tensor: Tensor, rng: np.random.Generator) -> Array:
    dtype = DTYPES[tensor.dtype]
    if dtype.kind == "f":
        return rng.normal(scale=4, size=tensor.shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, tensor.shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, tensor.shape, dtype, endpoint=True)


def batches() -> list[list[Case]]:
    cases = [case for op in all_ops() for case in op.cases(np.random.default_rng(3))]
    return [cases[i : i + BATCH] for i in range(0, len(cases), BATCH)]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("number", range(len(batches())))
def test_cases_on_a_core(core: str, number: int) -> None:
    require_module("unicorn")
    from edgeprune.device.emulator.bare import CoreModel

    rng = np.random.default_rng(number)
    cases = batches()[number]
    graph = merge([case.graph for case in cases])
    model = CoreModel(graph, Goal(core), planner=Touching())
    reference = ReferenceModel(graph)
    for _ in range(2):
        inputs = [random_array(graph.tensors[i], rng) for i in graph.inputs]
        for index, wanted, got in zip(graph.outputs, reference.run(inputs), model.run(inputs), strict=True):
            number = int(graph.tensors[index].name.split("/")[0])
            assert wanted.tobytes() == got.tobytes(), cases[number].name
