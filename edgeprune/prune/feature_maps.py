"""Numbers that a criterion takes from every feature map, averaged over examples.

One pass over the examples serves all groups: the network runs in batches, and of each batch only one
number per unit is kept.
"""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError
from edgeprune.graph.ir import Node
from edgeprune.graph.kinds import GLOBAL_POOLINGS, TRAINING_ONLY
from edgeprune.prune.channels import ChannelGroup, varying_axes
from edgeprune.prune.evidence import Array, Evidence

Scores = npt.NDArray[np.float64]
# Of maps (units, N, positions) at a node, a number per unit and example: (units, N).
Measure = Callable[[Array, Node], Array]

_BATCH = 64
_LOSE_POSITIONS = GLOBAL_POOLINGS | TRAINING_ONLY | {"Flatten", "Identity"}


def map_nodes(evidence: Evidence, group: ChannelGroup) -> tuple[str, ...]:
    """Where the group's maps are read, before a global pooling or flattening if one is on the way."""
    found = dict.fromkeys(_with_positions(evidence, name) for name in evidence.feature_nodes(group))
    if not found:
        raise InternalError(f"nothing reads the channels of {group.name}")
    return tuple(found)


def _with_positions(evidence: Evidence, name: str) -> str:
    node = evidence.graph.by_name[name]
    if node.kind not in _LOSE_POSITIONS:
        return name
    source = node.inputs[0]
    labels = evidence.channels.labels[source]
    channels_are_last = all(axis == labels.ndim - 1 for axis in varying_axes(labels))
    return _with_positions(evidence, source) if channels_are_last else name


def averages(
    evidence: Evidence,
    group: ChannelGroup,
    name: str,
    measure: Measure,
    *,
    limit: int | None = None,
    times_gradient: bool = False,
) -> tuple[Scores, ...]:
    """For each place where the group's maps are read, the mean of `measure` over examples, (units,).

    `limit` takes the first so many examples. With `times_gradient` maps are activations times the gradient
    of each example's own loss by them. Results are kept under `name`.
    """
    found = evidence.once(name, lambda: _of_network(evidence, measure, limit, times_gradient))
    return found[group.name]


def mean_over_places(scores: Sequence[Scores]) -> Scores:
    """The mean of the scores that each place gives, (units,)."""
    found: Scores = np.mean(scores, axis=0)
    return found


def _of_network(
    evidence: Evidence, measure: Measure, limit: int | None, times_gradient: bool
) -> dict[str, tuple[Scores, ...]]:
    groups = evidence.channels.groups
    places = {group.name: map_nodes(evidence, group) for group in groups}
    names = tuple(dict.fromkeys(chain(*places.values())))
    totals = {g.name: [np.zeros(len(g.units)) for _ in places[g.name]] for g in groups}
    x, y = evidence.examples.x[:limit], evidence.examples.y[:limit]
    for start in range(0, len(x), _BATCH):
        batch = slice(start, start + _BATCH)
        values = _values(evidence, names, x[batch], y[batch], times_gradient)
        for group in groups:
            maps = evidence.features(group, values.__getitem__, places[group.name])
            for total, place, each in zip(totals[group.name], places[group.name], maps, strict=True):
                total += measure(each, evidence.graph.by_name[place]).sum(axis=1)
    return {key: tuple(total / len(x) for total in each) for key, each in totals.items()}


def _values(
    evidence: Evidence, names: tuple[str, ...], x: Array, y: Array, times_gradient: bool
) -> dict[str, Array]:
    if not times_gradient:
        return evidence.probe.outputs(names, x)
    values, gradients = evidence.probe.output_gradients(names, x, y)
    return {name: values[name] * gradients[name] for name in names}
