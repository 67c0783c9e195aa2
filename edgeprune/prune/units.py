"""What guides do with units: their norms in the weights of the moment, and a pull on all that they own.

A unit owns slices of kernels (its filters, and the rows that read it), biases and normalisations. The
moving statistics of a normalisation belong to no training, so they count for nothing here.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence, Slice
from edgeprune.prune.guide import Array, WeightKey, Weights

Scores = npt.NDArray[np.float64]

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
SCALED = (*KERNELS, "gamma")
OWNED = (*SCALED, "beta", "bias")


def with_weights(evidence: Evidence, weights: Weights) -> Evidence:
    """The same network and units with the trained `weights` in place of their own."""
    nodes = []
    for node in evidence.graph.nodes:
        trained = {name: weights.get((node.layer, name), array) for name, array in node.weights.items()}
        nodes.append(replace(node, weights=trained))
    return Evidence(replace(evidence.graph, nodes=tuple(nodes)), evidence.channels, evidence.rng)


def owned(evidence: Evidence, group: ChannelGroup, names: Collection[str]) -> tuple[Slice, ...]:
    """The slices of the group in weights called one of `names`."""
    return tuple(part for part in evidence.slices(group) if part.weight in names)


def norms(parts: Sequence[Slice], count: int, weights: Weights | None = None) -> Scores:
    """The Euclidean norm of all that each of `count` units owns of `parts`, (count,).

    `weights` replaces the parts' own values; a part that is not in it is not trained and keeps them.
    """
    total = np.zeros(count)
    for part in parts:
        values = (weights or {}).get((part.node.layer, part.weight), part.values)
        total += part.sum_by_unit(np.square(part.rows(values), dtype=np.float64).sum(axis=1), count)
    return np.sqrt(total)


def pull(
    parts: Sequence[Sequence[Slice]], decay: Sequence[Scores], weights: Weights
) -> dict[WeightKey, Array]:
    """Decay by weight from one number per unit, group by group.

    A weight that two units own, one as its filter and one as what it reads, is pulled by both. Weights
    that are not in `weights` are not trained, and left out.
    """
    found: dict[WeightKey, Array] = {}
    for slices, per_unit in zip(parts, decay, strict=True):
        for part in slices:
            key = part.node.layer, part.weight
            if key in weights:
                found[key] = found.get(key, np.float32(0)) + part.spread(per_unit, 0.0)
    return found


def lowest(scores: Scores, kept: int) -> npt.NDArray[np.bool_]:
    """Flags of all but the `kept` highest scores; of equals the first go."""
    flags = np.zeros(len(scores), dtype=bool)
    flags[np.argsort(scores, kind="stable")[: len(scores) - kept]] = True
    return flags
