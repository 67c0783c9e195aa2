"""What a pruning criterion may look at: the network, its units, and what the network does with examples.

Units are numbered through all groups as in `ChannelMap`; inside a group they count from 0. A *slice* is
what one unit owns of one weight: rows or columns along one axis. A *feature map* of a unit is what its
consumers read: the input of the next convolution or dense layer, after normalisation, activation and
addition. Both follow from the labels of `channels.py`, so every architecture has them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError, UsageError
from edgeprune.graph.cost import count
from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.prune.channels import ChannelGroup, ChannelMap, varying_axes
from edgeprune.prune.counter import Counter
from edgeprune.prune.layers import OUTPUT_COUNT, SLICES, kernel_inputs
from edgeprune.prune.probe import Probe

Array = npt.NDArray[Any]
Side = Literal["in", "out"]
_Found = TypeVar("_Found")

NOBODY = -1


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled inputs as the network takes them: x (N, *input shape) float32, y (N,) class numbers."""

    x: FloatArray
    y: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Slice:
    """Along `axis` (negative) of `weight`, which unit of the group owns each index; NOBODY for others.

    "out" slices make the unit (filters, biases, normalisation), "in" slices read it.
    """

    node: Node
    weight: str
    axis: int
    side: Side
    units: npt.NDArray[np.int64]

    @property
    def values(self) -> FloatArray:
        """The whole weight."""
        return self.node.weights[self.weight]

    def rows(self, values: Array) -> Array:
        """`values`, of the weight's shape, as (length of the axis, the rest)."""
        return np.moveaxis(values, self.axis, 0).reshape(len(self.units), -1)

    def sum_by_unit(self, per_index: Array, count: int) -> npt.NDArray[np.float64]:
        """Add up one number per index of the axis into one per unit, (count,)."""
        owned = self.units != NOBODY
        values = np.asarray(per_index, np.float64)[owned]
        return np.bincount(self.units[owned], values, count).astype(np.float64)

    def spread(self, per_unit: Array, other: float) -> FloatArray:
        """One number per unit as an array that broadcasts against the weight; `other` for NOBODY's."""
        line = np.append(np.asarray(per_unit, np.float32), np.float32(other))[self.units]
        return line.reshape(len(self.units), *(1,) * (-self.axis - 1))


class Evidence:
    """A graph, its channel groups, and examples; what needs the network to run is worked out once.

    In `notes` the plan, allocations and methods leave what a report should say of them, as JSON values.
    """

    def __init__(
        self,
        graph: Graph,
        channels: ChannelMap,
        rng: np.random.Generator,
        examples: Examples | None = None,
    ) -> None:
        self.graph = graph
        self.channels = channels
        self.rng = rng
        self.notes: dict[str, object] = {}
        self._examples = examples
        self._found: dict[object, object] = {}

    def once(self, key: object, make: Callable[[], _Found]) -> _Found:
        """What `make` returned when it was first called for `key`: a method's score and repair share it."""
        if key not in self._found:
            self._found[key] = make()
        return cast(_Found, self._found[key])

    @property
    def examples(self) -> Examples:
        """The examples; raises UsageError when there are none."""
        if self._examples is None:
            raise UsageError(
                "this method or allocation looks at examples, and has none",
                hint="give the data set with --data",
            )
        return self._examples

    @cached_property
    def probe(self) -> Probe:
        """The network in Keras: activations, gradients and loss on the examples."""
        return Probe(self.graph)

    @cached_property
    def unit_macs(self) -> tuple[int, ...]:
        """For each group, the MACs that go when one of its units goes."""
        total = sum(len(group.units) for group in self.channels.groups)
        counter = Counter(self.graph, self.channels)
        whole, found, first = count(self.graph).macs, [], 0
        for group in self.channels.groups:
            gone = np.zeros(total, dtype=bool)
            gone[first] = True
            found.append(whole - counter.macs(gone))
            first += len(group.units)
        return tuple(found)

    def loss(self, group: ChannelGroup | None = None, gone: Array | None = None) -> float:
        """Mean cross entropy on the examples, the units of `group` marked in `gone` held at zero."""
        weights: dict[tuple[str, str], Array] = {}
        for part in self.slices(group) if group is not None else ():
            if part.side == "out" and gone is not None:
                held = part.spread(np.where(gone, 0.0, 1.0), 1.0)
                key = part.node.layer, part.weight
                weights[key] = weights.get(key, part.values) * held
        return self.probe.loss(self.examples.x, self.examples.y, weights)

    def first_unit(self, group: ChannelGroup) -> int:
        """The number of the group's unit 0 among all units."""
        before = 0
        for other in self.channels.groups:
            if other is group:
                return before
            before += len(other.units)
        raise InternalError(f"group {group.name} is of another network")

    def slices(self, group: ChannelGroup) -> tuple[Slice, ...]:
        """What the units of `group` own of every weight, each layer once, in graph order."""
        return tuple(self._slices(group))

    def _slices(self, group: ChannelGroup) -> Iterator[Slice]:
        seen: set[str] = set()
        for node in self.graph.nodes:
            if not node.weights or node.layer in seen or node.kind not in SLICES:
                continue
            seen.add(node.layer)
            read = kernel_inputs(node, self._owners(group, node.inputs[0]))
            owners = {"out": self._owners(group, node.name), "in": read}
            for weight, sides in SLICES[node.kind].items():
                for axis, side in sides if weight in node.weights else ():
                    if side == "hidden":
                        multiplier = int(node.config.get("depth_multiplier", 1))
                        units = np.repeat(owners["in"], multiplier)
                    else:
                        units = owners[side]
                    if (units != NOBODY).any():
                        where: Side = "out" if side == "out" or "Depthwise" in node.kind else "in"
                        yield Slice(node, weight, axis, where, units)

    def _owners(self, group: ChannelGroup, name: str) -> npt.NDArray[np.int64]:
        """The group's unit at each place of the last axis of a node's output."""
        labels = self.channels.labels[name]
        if any(axis != labels.ndim - 1 for axis in varying_axes(labels)):
            return np.full(labels.shape[-1], NOBODY)
        line = labels[(0,) * (labels.ndim - 1)]
        first = self.first_unit(group)
        inside = (line >= first) & (line < first + len(group.units))
        return np.where(inside, line - first, NOBODY)

    def consumers(self, group: ChannelGroup) -> tuple[Node, ...]:
        """The layers that read the group's units and make new channels of them."""
        found = {s.node.layer: s.node for s in self.slices(group) if s.side == "in"}
        return tuple(node for node in found.values() if node.kind in OUTPUT_COUNT)

    def feature_nodes(self, group: ChannelGroup) -> tuple[str, ...]:
        """The nodes whose outputs are the feature maps of the group: what its consumers read."""
        return tuple(dict.fromkeys(node.inputs[0] for node in self.consumers(group)))

    def features(
        self, group: ChannelGroup, values: Callable[[str], Array], names: Sequence[str] | None = None
    ) -> tuple[Array, ...]:
        """The feature maps of the group, (units, N, positions) each, of `values(node name)`.

        `values` gives an array (N, *node shape): activations, gradients or a product of both. `names` are
        the nodes, by default those that the group's consumers read.
        """
        nodes = self.feature_nodes(group) if names is None else names
        return tuple(self._by_unit(group, name, values(name)) for name in nodes)

    def _by_unit(self, group: ChannelGroup, name: str, values: Array) -> Array:
        owners = self._owners(group, name)
        flat = values.reshape(len(values), -1, len(owners))
        order = np.argsort(owners, kind="stable")
        order = order[np.searchsorted(owners[order], 0) :]
        repeats, rest = divmod(len(order), len(group.units))
        if rest:
            raise InternalError(f"the units of {group.name} have feature maps of different sizes at {name}")
        by_unit = flat[:, :, order].reshape(len(values), -1, len(group.units), repeats)
        return by_unit.transpose(2, 0, 1, 3).reshape(len(group.units), len(values), -1)
