"""What each unit of a group adds to the outputs of the layers that read it, as second moments.

An output of a layer is a sum over its input channels. The contribution of a unit is its part of the sum,
before bias and activation, at sampled places of the examples. The moments of contributions say how much
the sum changes without some of the units: all that ThiNet and LASSO selection look at.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.design_matrix import design, kernel_name, matrix, sample_places
from edgeprune.prune.evidence import NOBODY, Evidence
from edgeprune.prune.stepwise import Stepwise

Array = npt.NDArray[np.float64]
Owners = npt.NDArray[np.int64]

PLACES = 10  # sampled per example, as ThiNet and channel pruning do


@dataclass(frozen=True, eq=False)
class Contributions:
    """Of a group's units.

    moments  (units, units): for two units the sum over places, examples and output channels of the
             products of their contributions
    squares  (units,): of the weights that read each unit

    Both are summed over the layers that read the group, each divided by the trace of its moments.
    """

    moments: Array
    squares: Array


def contributions(evidence: Evidence, group: ChannelGroup) -> Contributions:
    """The contributions of the group's units in the whole network; one pass serves all groups."""
    found = evidence.once("contributions", lambda: _of_network(evidence))
    return found[group.name]


def _of_network(evidence: Evidence) -> dict[str, Contributions]:
    readers = _readers(evidence)
    nodes = [node for node in evidence.graph.nodes if node.layer in readers]
    examples = evidence.examples
    run = Stepwise(evidence.graph, examples.x)
    moments: dict[tuple[str, str], Array] = {}
    for node in evidence.graph.nodes:
        if node.layer in readers:
            places = sample_places(node, len(examples.x), PLACES, evidence.rng)
            read = design(node, run.input(node), places)
            products = (read.T @ read) * (matrix(node) @ matrix(node).T)
            for name, (owners, count) in readers[node.layer].items():
                found = by_unit(products, owners, count)
                moments[name, node.layer] = moments.get((name, node.layer), 0.0) + found
        run.run(node)
    squares = {node.layer: (matrix(node) ** 2).sum(axis=1) for node in nodes}
    return {group.name: _added_up(group, readers, moments, squares) for group in evidence.channels.groups}


def _readers(evidence: Evidence) -> dict[str, dict[str, tuple[Owners, int]]]:
    """By layer and group: the unit that owns each row of the layer's matrix, and how many units there are."""
    found: dict[str, dict[str, tuple[Owners, int]]] = {}
    for group in evidence.channels.groups:
        for part in evidence.slices(group):
            if part.side == "in" and part.weight == kernel_name(part.node):
                owners = np.tile(part.units, len(matrix(part.node)) // len(part.units))
                found.setdefault(part.node.layer, {})[group.name] = owners, len(group.units)
    return found


def _added_up(
    group: ChannelGroup,
    readers: dict[str, dict[str, tuple[Owners, int]]],
    moments: dict[tuple[str, str], Array],
    squares: dict[str, Array],
) -> Contributions:
    count = len(group.units)
    total, weights = np.zeros((count, count)), np.zeros(count)
    layers = [layer for layer, groups in readers.items() if group.name in groups]
    if not layers:
        raise InternalError(f"nothing reads the channels of {group.name}")
    for layer in layers:
        found, (owners, _) = moments[group.name, layer], readers[layer][group.name]
        energy = max(float(np.trace(found)), np.finfo(np.float64).tiny)
        owned = owners != NOBODY
        total += found / energy
        weights += np.bincount(owners[owned], squares[layer][owned], count) / energy
    return Contributions(total, weights)


def by_unit(products: Array, owners: Owners, count: int) -> Array:
    """The sums of `products` (rows, rows) over the rows of each two units, (count, count)."""
    order = np.argsort(owners, kind="stable")
    order = order[np.searchsorted(owners[order], 0) :]
    starts = np.searchsorted(owners[order], np.arange(count))
    if not np.bincount(owners[order], minlength=count).all():
        raise InternalError("a layer reads some units of a group and not others")
    sorted_products = products[np.ix_(order, order)]
    found: Array = np.add.reduceat(np.add.reduceat(sorted_products, starts, axis=0), starts, axis=1)
    return found
