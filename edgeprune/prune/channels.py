"""Which channels can only be removed together, and which not at all.

Every output channel of a layer that makes new channels (convolutions, dense) is an atom. A label, the
number of an atom or FIXED, is attached to every element of every tensor and pushed through the graph:
copying layers copy labels, a reshape reshapes them, a concatenation joins them, a depthwise convolution
repeats them. Where tensors are added or multiplied, the atoms that meet become one *unit*: they go
together or stay together. So offsets, multipliers and flattened positions need no rule of their own:
whoever consumes a tensor removes the weights at the positions whose labels are gone. The groups of a
grouped convolution must lose the same places, so the atoms at equal places of its groups are united, too.

An atom is FIXED, with the reason kept, when a network output holds it, or a layer to which the meaning
of a channel's place matters (softmax, layer normalisation), or the user's wish.
A `ChannelGroup` is all units made of the same layers: they are ranked against each other, and as long
as each group keeps one unit no layer is empty.

Source:  Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023, arXiv:2301.12900
Differs: labels per tensor element in place of a graph of pairwise dependencies
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.graph.ir import Graph, Node
from edgeprune.prune.layers import OUTPUT_COUNT, activation_name
from edgeprune.table import did_you_mean

Labels = npt.NDArray[np.int64]
_Scalar = TypeVar("_Scalar", np.int64, np.bool_)

FIXED = -1


@dataclass(frozen=True, order=True)
class Channel:
    """Output channel `index` of a layer."""

    layer: str
    index: int


@dataclass(frozen=True)
class ChannelGroup:
    """Units that are made of the same layers; a unit is the channels that go or stay together."""

    name: str
    layers: tuple[str, ...]
    units: tuple[tuple[Channel, ...], ...]


@dataclass(frozen=True)
class Frozen:
    """So many channels of a layer that cannot be removed, and why."""

    layer: str
    channels: int
    reason: str


@dataclass(frozen=True, eq=False)
class ChannelMap:
    """All groups of a graph; `labels` holds, in each node's shape, a unit's number or FIXED.

    Units are numbered through all groups, in order.
    """

    groups: tuple[ChannelGroup, ...]
    frozen: tuple[Frozen, ...]
    labels: Mapping[str, Labels]


def channel_groups(graph: Graph, keep: Sequence[str] = ()) -> tuple[ChannelGroup, ...]:
    """The removable channels of `graph`, without those of nodes whose name matches one of `keep`."""
    return map_channels(graph, keep).groups


def map_channels(graph: Graph, keep: Sequence[str] = ()) -> ChannelMap:
    """Label every tensor of `graph`; raises UsageError when one of `keep` matches no node."""
    atoms = _Atoms()
    labels: dict[str, Labels] = {}
    first_calls: dict[str, Labels] = {}
    for node in graph.nodes:
        sources = [labels[name] for name in node.inputs]
        if node.weights and sources:
            _couple_calls(atoms, node, sources[0], first_calls)
        labels[node.name] = _one_axis(atoms, node, _propagate(atoms, node, sources))
    for name in graph.outputs:
        atoms.freeze(labels[name], f"output {name} of the network holds it")
    for pattern in keep:
        for node in _matching(graph, pattern):
            atoms.freeze(labels[node.name], f"kept as asked: {pattern}")
    return _finish(atoms, labels)


class _Atoms:
    """Union-find over atoms; a class with a reason is fixed."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self._parent: list[int] = []
        self._reasons: dict[int, str] = {}
        self._made: dict[str, Labels] = {}

    def make(self, layer: str, count: int) -> Labels:
        """The atoms of a layer's `count` output channels; the same at each of its calls."""
        if layer not in self._made:
            start = len(self.channels)
            self.channels += [Channel(layer, index) for index in range(count)]
            self._parent += range(start, start + count)
            self._made[layer] = np.arange(start, start + count)
        return self._made[layer]

    def root(self, atom: int) -> int:
        while self._parent[atom] != atom:
            self._parent[atom] = self._parent[self._parent[atom]]
            atom = self._parent[atom]
        return atom

    def reason(self, atom: int) -> str | None:
        return self._reasons.get(self.root(atom))

    def freeze(self, labels: Labels, reason: str) -> None:
        """Fix all atoms in `labels`; the first reason stays."""
        for atom in np.unique(compact(labels)).tolist():
            if atom != FIXED:
                self._reasons.setdefault(self.root(atom), reason)

    def unite(self, one: Labels, other: Labels, reason: str) -> None:
        """Join atoms that meet at the same place; what meets FIXED is fixed for `reason`."""
        pairs = np.stack([array.ravel() for array in np.broadcast_arrays(compact(one), compact(other))])
        for first, second in np.unique(pairs, axis=1).T.tolist():
            if FIXED in (first, second):
                self.freeze(np.array([max(first, second)]), reason)
            else:
                self._join(self.root(first), self.root(second))

    def _join(self, first: int, second: int) -> None:
        low, high = sorted((first, second))
        self._parent[high] = low
        if high in self._reasons and low != high:
            self._reasons.setdefault(low, self._reasons.pop(high))


def compact(labels: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """A view without the repetition of axes that are only broadcast (their extent becomes 1)."""
    return labels[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in labels.strides)]


def varying_axes(labels: npt.NDArray[_Scalar]) -> list[int]:
    """The axes along which labels differ."""
    small = compact(labels)
    return [
        axis for axis in range(small.ndim) if small.shape[axis] > 1 and np.any(small != small.take([0], axis))
    ]


def _last_axis(labels: Labels) -> Labels | None:
    """Labels per position of the last axis, or None when they differ along another one."""
    if any(axis != labels.ndim - 1 for axis in varying_axes(labels)):
        return None
    line: Labels = labels[(0,) * (labels.ndim - 1)]
    return line


def _one_axis(atoms: _Atoms, node: Node, labels: Labels) -> Labels:
    """Removing channels must leave a box: fix labels that differ along two axes."""
    axes = varying_axes(labels)
    if len(axes) > 1:
        atoms.freeze(labels, f"{node.name} ({node.kind}) spreads it over two axes")
    line = labels[tuple(slice(None) if axis in axes else slice(0, 1) for axis in range(labels.ndim))]
    return np.broadcast_to(line, node.shape)


def _couple_calls(atoms: _Atoms, node: Node, source: Labels, first_calls: dict[str, Labels]) -> None:
    """The weights of a layer called twice are cut once: its inputs lose the same positions."""
    vector = _last_axis(source)
    reason = f"layer {node.layer} is called with different inputs"
    if vector is None:
        atoms.freeze(source, reason)
        vector = np.full(source.shape[-1], FIXED)
    first = first_calls.setdefault(node.layer, vector)
    atoms.unite(first, vector, reason)


Rule = Callable[[_Atoms, Node, list[Labels]], Labels]


def _propagate(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    """Labels of the output of `node`; fixes its inputs when nothing is known about its kind."""
    rule = _RULES.get(node.kind, _unknown)
    labels = rule(atoms, node, sources)
    activation = activation_name(node)
    if activation in ("softmax", "log_softmax"):
        atoms.freeze(labels, f"{activation} of {node.name} looks across channels")
    return labels


def _unknown(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    for source in sources:
        atoms.freeze(source, f"{node.name} ({node.kind}) needs all its channels")
    return np.broadcast_to(np.int64(FIXED), node.shape)


def _makes_channels(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    made = atoms.make(node.layer, node.shape[-1])
    vector = _last_axis(sources[0])
    if vector is None:
        atoms.freeze(sources[0], f"{node.name} ({node.kind}) needs channels on its last axis")
    for line in (made, vector) if node.config.get("groups", 1) != 1 else ():
        if line is not None:
            _couple_groups(atoms, node, line)
    return np.broadcast_to(made, node.shape)


def _couple_groups(atoms: _Atoms, node: Node, line: Labels) -> None:
    """Every group of a grouped convolution loses the same places, so that all stay equally large."""
    places = line.reshape(int(node.config["groups"]), -1)
    atoms.unite(places[:1], places, f"{node.name} ({node.kind}) has a fixed channel at that place of a group")


def _depthwise(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    vector = _last_axis(sources[0])
    if vector is None:
        return _unknown(atoms, node, sources)
    return np.broadcast_to(np.repeat(vector, node.shape[-1] // len(vector)), node.shape)


def _spatial(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    """Layers that treat every channel alike and may change the other axes."""
    vector = _last_axis(sources[0])
    if vector is None or len(vector) != node.shape[-1]:
        return _unknown(atoms, node, sources)
    return np.broadcast_to(vector, node.shape)


def _batch_norm(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    if node.config.get("axis", -1) not in (-1, len(node.shape)):
        return _unknown(atoms, node, sources)
    return _spatial(atoms, node, sources)


def _rescaling(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    if any(np.ndim(node.config.get(key, 0.0)) for key in ("scale", "offset")):
        return _unknown(atoms, node, sources)
    return sources[0]


def _copy(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    return sources[0]


def _reshape(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    return np.reshape(sources[0], node.shape)


def _permute(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    return np.transpose(sources[0], [axis - 1 for axis in node.config["dims"]])


def _repeat(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    return np.broadcast_to(sources[0], node.shape)


def _concatenate(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    axis = int(node.config.get("axis", -1))
    axis = axis - 1 if axis > 0 else axis + len(node.shape)
    for source in sources[1:]:
        for other in varying_axes(source) + varying_axes(sources[0]):
            if other != axis:
                extent = min(sources[0].shape[axis], source.shape[axis])
                pair = [array.take(range(extent), axis) for array in (sources[0], source)]
                atoms.unite(pair[0], pair[1], f"{node.name} puts it beside a fixed channel")
    return np.concatenate(sources, axis)


def _merge(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    """Element by element: channels that meet become one, but one map spread over all is fixed."""
    if any(source.ndim != len(node.shape) for source in sources):
        return _unknown(atoms, node, sources)
    full = [source for source in sources if source.shape[-1] == node.shape[-1]]
    for source in sources:
        if source.shape[-1] != node.shape[-1]:
            atoms.freeze(source, f"{node.name} ({node.kind}) spreads it over all channels")
    result = max(full, key=lambda source: source.size)
    for source in full:
        atoms.unite(result, source, f"{node.name} ({node.kind}) joins it with a fixed channel")
    return np.broadcast_to(result, node.shape)


def _fixed(atoms: _Atoms, node: Node, sources: list[Labels]) -> Labels:
    return np.broadcast_to(np.int64(FIXED), node.shape)


_SPATIAL = (
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D"),
)
_COPIES = (
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Identity", "Dropout", "SpatialDropout1D"),
    *("SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization"),
)
_RULES: Mapping[str, Rule] = {
    "InputLayer": _fixed,
    **dict.fromkeys(OUTPUT_COUNT, _makes_channels),
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "BatchNormalization": _batch_norm,
    "LayerScale": _spatial,
    "Rescaling": _rescaling,
    **dict.fromkeys(_SPATIAL, _spatial),
    **dict.fromkeys(_COPIES, _copy),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merge),
    "Concatenate": _concatenate,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
}


def _matching(graph: Graph, pattern: str) -> list[Node]:
    found = [n for n in graph.nodes if fnmatchcase(n.name, pattern) or fnmatchcase(n.layer, pattern)]
    if not found:
        raise UsageError(f"no layer is called {pattern!r}", hint=did_you_mean(pattern, graph.by_name))
    return found


def _finish(atoms: _Atoms, labels: Mapping[str, Labels]) -> ChannelMap:
    """Number the units that may go, and put these numbers in place of the atoms."""
    units: dict[int, list[Channel]] = {}
    frozen: dict[tuple[str, str], int] = {}
    for atom, channel in enumerate(atoms.channels):
        reason = atoms.reason(atom)
        if reason is None:
            units.setdefault(atoms.root(atom), []).append(channel)
        else:
            frozen[channel.layer, reason] = frozen.get((channel.layer, reason), 0) + 1
    by_layers: dict[tuple[str, ...], list[int]] = {}
    for root, channels in units.items():
        by_layers.setdefault(tuple(dict.fromkeys(c.layer for c in channels)), []).append(root)
    number = np.full(len(atoms.channels) + 1, FIXED)  # the last entry is what FIXED, -1, looks up
    for unit, root in enumerate(root for roots in by_layers.values() for root in roots):
        number[root] = unit
    number[:-1] = [number[atoms.root(atom)] for atom in range(len(atoms.channels))]
    groups = tuple(
        ChannelGroup("+".join(layers), layers, tuple(tuple(units[root]) for root in roots))
        for layers, roots in by_layers.items()
    )
    return ChannelMap(
        groups=groups,
        frozen=tuple(Frozen(layer, count, reason) for (layer, reason), count in frozen.items()),
        labels={name: _relabel(array, number) for name, array in labels.items()},
    )


def _relabel(labels: Labels, number: Labels) -> Labels:
    return np.broadcast_to(number[compact(labels)], labels.shape)
