"""Which buffer every tensor is in, and in which steps that buffer is needed.

A step is one kernel call; operators that only rename their input (RESHAPE) run no kernel, and their
output is the input's buffer. Step -1 is before the first kernel, when the host writes the inputs; step
n, behind the last, is when it reads the outputs. An output may share bytes with an input that dies
there as far as its kernel allows (KernelCall.lags). Variables are live in all steps, since they keep
their bytes between runs; tensors that are read or made in a variable's place have it as their root.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edgeprune.errors import InternalError, ModelError
from edgeprune.memory.plan import Buffer
from edgeprune.memory.variables import without_copies
from edgeprune.ops import BoundNode
from edgeprune.ops.base import KernelCall
from edgeprune.ops.choose import choose
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import QuantGraph

BEFORE = -1


@dataclass(frozen=True)
class Step:
    """One kernel call, of the node at `position`; `scratch` is the buffer of its last argument, if any."""

    index: int
    bound: BoundNode
    call: KernelCall
    scratch: Buffer | None
    position: int


@dataclass(frozen=True)
class Liveness:
    """The kernel calls of a network and the buffers that they work on.

    `roots` gives for each tensor the tensor whose bytes it is (itself, unless an alias made it);
    `storage` the buffer of each root that lives in the arena. Constants are in flash, so in neither
    is a constant's buffer. `silent` are the positions of nodes for which no kernel runs.
    """

    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    roots: tuple[int, ...]
    storage: dict[int, Buffer]
    silent: frozenset[int]

    def buffer(self, tensor: int) -> Buffer | None:
        """The arena's buffer that holds `tensor`; None for a constant."""
        return self.storage.get(self.roots[tensor])


def live_ranges(
    graph: QuantGraph,
    nodes: Sequence[BoundNode],
    goal: Goal = PORTABLE,
    picks: Mapping[int, str] | None = None,
) -> Liveness:
    """The steps, buffers and storage of `graph`, whose bound nodes are `nodes`, with kernels for `goal`.

    `picks` names, by position among the nodes, variants to take whatever the goal would have.
    Raises ModelError for a network output that is a constant: no kernel would write it.
    """
    roots, copies = without_copies(graph, nodes, _roots(graph, nodes))
    silent = copies | {position for position, bound in enumerate(nodes) if bound.op.is_alias}
    places = [position for position in range(len(nodes)) if position not in silent]
    running = [nodes[position] for position in places]
    calls = [choose(nodes[position], goal, (picks or {}).get(position)) for position in places]
    ranges = _ranges(graph, roots, calls)
    over = _overwritten(graph, roots, ranges, calls)
    storage = {
        tensor: Buffer(
            _name(graph, tensor), graph.tensors[tensor].size_bytes, *steps, over=over.get(tensor, ())
        )
        for tensor, steps in ranges.items()
    }
    steps = tuple(
        Step(
            i,
            bound,
            call,
            Buffer(f"scratch{i}", call.scratch_bytes, i, i + 1) if call.scratch_bytes else None,
            places[i],
        )
        for i, (bound, call) in enumerate(zip(running, calls, strict=True))
    )
    scratch = [step.scratch for step in steps if step.scratch is not None]
    return Liveness(steps, (*storage.values(), *scratch), roots, storage, silent)


def _name(graph: QuantGraph, tensor: int) -> str:
    return f"t{tensor}:{graph.tensors[tensor].name}"


def _overwritten(
    graph: QuantGraph,
    roots: tuple[int, ...],
    ranges: dict[int, tuple[int, int]],
    calls: Sequence[KernelCall],
) -> dict[int, tuple[tuple[str, int], ...]]:
    """For each output, the inputs that die in its step and may be overwritten, with their lags."""
    found = {}
    for step, call in enumerate(calls):
        dying = {roots[i] for i in call.inputs if ranges.get(roots[i], (0, 0))[1] == step + 1}
        lags = overwritable(graph, roots, call, dying)
        if lags:
            found[call.outputs[0]] = tuple((_name(graph, tensor), lag) for tensor, lag in lags.items())
    return found


def overwritable(
    graph: QuantGraph, roots: Sequence[int], call: KernelCall, dying: Collection[int]
) -> dict[int, int]:
    """Of the roots `dying` in a call, those that its output 0 may overwrite, with their lags."""
    if not call.outputs or graph.tensors[roots[call.outputs[0]]].is_variable:
        return {}
    lags: dict[int, int] = {}
    agreed = dict(call.lags)
    for tensor in dict.fromkeys(roots[i] for i in call.inputs):
        positions = [p for p, i in enumerate(call.inputs) if roots[i] == tensor]
        if tensor in dying and all(p in agreed for p in positions):
            lags[tensor] = max(agreed[p] for p in positions)
    return lags


def _roots(graph: QuantGraph, nodes: Sequence[BoundNode]) -> tuple[int, ...]:
    roots = list(range(len(graph.tensors)))
    for bound in nodes:  # in running order: an input's root is known before it is used
        if bound.op.is_alias:
            source, renamed = roots[bound.node.inputs[0]], bound.node.outputs[0]
            if graph.tensors[source].size_bytes != graph.tensors[renamed].size_bytes:
                raise InternalError(f"{graph.place(bound.node)} renames a tensor of another size")
            roots[renamed] = source
    return tuple(roots)


def _ranges(
    graph: QuantGraph, roots: tuple[int, ...], calls: Sequence[KernelCall]
) -> dict[int, tuple[int, int]]:
    """By root, the half-open range of steps; every written tensor is live for one step at least."""
    starts: dict[int, int] = {}
    stops: dict[int, int] = {}

    for tensor in graph.variables:
        starts[tensor], stops[tensor] = BEFORE, len(calls) + 1

    def write(tensor: int, step: int) -> None:
        if graph.tensors[roots[tensor]].is_variable:
            return
        if tensor in starts or graph.tensors[tensor].is_constant:
            raise ModelError(f"tensor {graph.tensors[tensor].name!r} is written more than once")
        starts[tensor], stops[tensor] = step, step + 1

    def read(tensor: int, step: int) -> None:
        root = roots[tensor]
        if root in starts:
            stops[root] = max(stops[root], step + 1)
        elif not graph.tensors[root].is_constant:
            raise ModelError(f"tensor {graph.tensors[root].name!r} is read before it is written")

    for tensor in graph.inputs:
        write(tensor, BEFORE)
    for step, call in enumerate(calls):
        for tensor in call.inputs:
            read(tensor, step)
        for tensor in call.outputs:
            write(tensor, step)
    for tensor in graph.outputs:
        if graph.tensors[roots[tensor]].is_constant:
            raise ModelError(
                f"network output {graph.tensors[tensor].name!r} is a constant",
                hint="remove that output from the model",
            )
        read(tensor, len(calls))
    return {tensor: (starts[tensor], stops[tensor]) for tensor in starts}
