"""An independent check of memory plans: knows intervals of steps and of bytes, and no planner.

Works on plain data, by a way of its own: it goes through the steps and looks at the bytes in use,
while planners compare lifetimes pair by pair.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from edgeprune.errors import InternalError
from edgeprune.memory.plan import Buffer
from edgeprune.ops import BoundNode
from edgeprune.ops.overlap import SAME_PLACE
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.variables import ASSIGN, READ


def check_plan(
    buffers: Iterable[Buffer], offsets: Mapping[Buffer, int], align_bytes: int, arena_bytes: int
) -> None:
    """Raise InternalError unless every buffer has a place of its own for as long as it is needed."""
    needed = list(buffers)
    names = [buffer.name for buffer in needed]
    if len(set(names)) != len(names):
        raise InternalError("two buffers have the same name")
    strangers = sorted(buffer.name for buffer in set(offsets) - set(needed))
    if strangers:
        raise InternalError(f"the plan places buffers that nobody asked for: {', '.join(strangers)}")
    for buffer in needed:
        _check_one(buffer, offsets, align_bytes, arena_bytes)
    for step in sorted({buffer.start for buffer in needed}):
        _check_step(step, [b for b in needed if b.start <= step < b.stop], offsets)


def _check_one(buffer: Buffer, offsets: Mapping[Buffer, int], align_bytes: int, arena_bytes: int) -> None:
    if buffer not in offsets:
        raise InternalError(f"buffer {buffer.name!r} has no place")
    if buffer.start >= buffer.stop or buffer.size_bytes <= 0:
        raise InternalError(
            f"buffer {buffer.name!r} is empty: {buffer.size_bytes} bytes, "
            f"steps {buffer.start} to {buffer.stop}"
        )
    offset = offsets[buffer]
    if offset % align_bytes:
        raise InternalError(
            f"buffer {buffer.name!r} is at {offset}, which is not a multiple of {align_bytes}"
        )
    if offset < 0 or offset + buffer.size_bytes > arena_bytes:
        raise InternalError(
            f"buffer {buffer.name!r} is at {offset} to {offset + buffer.size_bytes}, "
            f"the arena has {arena_bytes}"
        )


def _check_step(step: int, live: list[Buffer], offsets: Mapping[Buffer, int]) -> None:
    """Bytes of buffers that are live in one step must not run into each other, or as agreed."""
    rising = sorted(live, key=lambda b: offsets[b])
    for i, lower in enumerate(rising):
        end = offsets[lower] + lower.size_bytes
        for upper in rising[i + 1 :]:
            if offsets[upper] >= end:
                break
            if not _may_overwrite(step, lower, upper, offsets[upper] - offsets[lower]):
                raise InternalError(
                    f"buffers {lower.name!r} and {upper.name!r} overlap in step {step}: "
                    f"the one ends at {end}, the other begins at {offsets[upper]}"
                )


def _keeps(lag: int, above: int) -> bool:
    """Whether a buffer that begins `above` bytes above its overwriter keeps the agreed distance."""
    return above == 0 if lag == SAME_PLACE else above >= lag >= 0


def _may_overwrite(step: int, lower: Buffer, upper: Buffer, distance: int) -> bool:
    """Whether `lower`, written in `step`, may run into `upper`, read there for the last time."""
    pairs = [(lower, upper, distance), (upper, lower, -distance)]
    return any(
        written.start == step == read.stop - 1
        and read.start < step
        and any(name == read.name and _keeps(lag, above) for name, lag in written.over)
        for written, read, above in pairs
    )


def check_state(
    graph: QuantGraph, nodes: Sequence[BoundNode], roots: Sequence[int], silent: Collection[int]
) -> None:
    """Replay one run: every node must find the values that it reads where `roots` says that they are.

    Values are numbers: each tensor that a node computes is a new one, and so is a variable before the
    first node. Nodes at the positions `silent` move no bytes; no other may read what it writes, and the
    network's inputs and variables have places of their own. Raises InternalError.
    """
    if any(roots[i] != i for i in (*graph.inputs, *graph.variables)):
        raise InternalError("an input or a variable of the network is in another tensor's place")
    meant: dict[int, object] = {i: ("before", i) for i in (*graph.variables, *graph.inputs)}
    stored = {roots[i]: value for i, value in meant.items()}

    def check(tensor: int, position: int) -> None:
        if tensor in meant and stored.get(roots[tensor]) != meant[tensor]:
            where = graph.place(nodes[position].node) if position < len(nodes) else "the end of a run"
            raise InternalError(f"{where} would find another value in {graph.tensors[tensor].name!r}")

    for position, bound in enumerate(nodes):
        node = bound.node
        is_copy = node.op in (READ, ASSIGN) or bound.op.is_alias
        for tensor in node.inputs:
            if tensor >= 0:
                check(tensor, position)
        changed = (*node.outputs, *(node.inputs[p] for p in bound.op.variables))
        read = {roots[i] for p, i in enumerate(node.inputs) if i >= 0 and p not in bound.op.variables}
        if position not in silent and read.intersection(roots[i] for i in changed):
            raise InternalError(f"{graph.place(node)} would write what it reads")
        for place, tensor in enumerate(changed):
            meant[tensor] = meant.get(node.inputs[0]) if is_copy else (position, place)
            if position not in silent:
                stored[roots[tensor]] = meant[tensor]
            check(tensor, position)
    for tensor in (*graph.outputs, *graph.variables):
        check(tensor, len(nodes))
