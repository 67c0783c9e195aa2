"""Which copies into and out of variables need not be made.

READ_VARIABLE copies a variable's value, so that a later assignment does not change it. Where the value is
last used before the variable next changes, its readers read the variable itself. ASSIGN_VARIABLE copies a
value into a variable. Where nothing looks at the variable's old value once the new one is being made, it
is made in the variable's own place. Both are decided here, by position in the list of nodes;
`memory/check.py` replays the outcome without knowing the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgeprune.ops import BoundNode
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.variables import ASSIGN, READ


@dataclass
class _Variable:
    """What happens to one variable: positions of nodes, and of the last uses of what is read in place."""

    reads: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)

    def next_write(self, position: int, none: int) -> int:
        """Where it changes after `position`; `none` where it does not."""
        return min((w for w in self.writes if w > position), default=none)

    def is_touched(self, start: int, stop: int) -> bool:
        """Whether a node at `start <= position < stop` reads or changes it."""
        return any(start <= p < stop for p in (*self.reads, *self.writes))


class _Places:
    def __init__(self, graph: QuantGraph, nodes: Sequence[BoundNode], roots: Sequence[int]) -> None:
        self.graph = graph
        self.roots = list(roots)
        self.silent: set[int] = set()
        self.behind = len(nodes)
        self.variables = {index: _Variable() for index in graph.variables}
        self.last_use: dict[int, int] = {}
        self.made_at: dict[int, int] = {}
        for position, bound in enumerate(nodes):
            self._note(position, bound)
        for index in graph.outputs:
            self.last_use[roots[index]] = self.behind

    def _note(self, position: int, bound: BoundNode) -> None:
        node = bound.node
        for index in node.inputs:
            if index >= 0:
                self.last_use[self.roots[index]] = position
        for index in node.outputs:
            if self.roots[index] == index:
                self.made_at[index] = position
        if bound.node.op == READ:
            self.variables[node.inputs[0]].reads.append(position)
        if bound.node.op == ASSIGN:
            self.variables[node.outputs[0]].writes.append(position)
        for place in bound.op.variables:
            self.variables[node.inputs[place]].writes.append(position)

    def read_in_place(self, position: int, source: int, value: int) -> None:
        """Leave out the copy of variable `source` if `value` is last used before the variable changes."""
        variable = self.variables[source]
        last = self.last_use.get(value, position)
        if last < variable.next_write(position, self.behind + 1):
            variable.held.append((position, last))
            self._put(position, value, source)

    def make_in_place(self, position: int, value: int, target: int) -> None:
        """Leave out the copy into variable `target` if `value` can be made there."""
        variable, value = self.variables[target], self.roots[value]
        made = self.made_at.get(value)
        if made is None or self.graph.tensors[value].is_variable:
            return  # an input, a constant, or a variable's own bytes
        is_free = not variable.is_touched(made, position)
        is_free = is_free and all(last < made for start, last in variable.held if start < position)
        if is_free and self.last_use[value] < variable.next_write(position, self.behind + 1):
            variable.held.append((made, self.last_use[value]))
            self._put(position, value, target)

    def _put(self, position: int, value: int, variable: int) -> None:
        self.silent.add(position)
        self.roots = [variable if root == value else root for root in self.roots]


def without_copies(
    graph: QuantGraph, nodes: Sequence[BoundNode], roots: Sequence[int]
) -> tuple[tuple[int, ...], frozenset[int]]:
    """The roots of `graph`'s tensors with variables among them, and the positions of copies left out."""
    places = _Places(graph, nodes, roots)
    for position, bound in enumerate(nodes):
        if bound.node.op == READ:
            places.read_in_place(position, bound.node.inputs[0], bound.node.outputs[0])
    for position, bound in enumerate(nodes):
        if bound.node.op == ASSIGN:
            places.make_in_place(position, bound.node.inputs[0], bound.node.outputs[0])
    return tuple(places.roots), frozenset(places.silent)
