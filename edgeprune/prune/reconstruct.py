"""Reconstruction: weights of the cut network such that its layers compute what the whole network's did.

Layer by layer in the order of the graph, each layer that reads fewer channels than before is fitted by
least squares: what it reads is what the cut and already repaired network gives it, what it should compute
are the whole network's outputs before the activation, both at sampled places of the examples. It goes
after any selection of channels, whatever chose them.

Source:  He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017,
         arXiv:1707.06168, section 3.1 (`refit`); Luo et al., "ThiNet", ICCV 2017, arXiv:1707.06342,
         section 3.2 (`rescale`)
Differs: a ridge of RIDGE times the mean square of what is read draws the fit to the weights before, so
         that few examples do no harm; the bias is fitted with the kernel where a layer has one. The
         target of a layer in front of an addition is its own output, not the block's. A layer that is
         called more than once keeps its weights
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeprune.graph.ir import Graph, Node
from edgeprune.prune.channels import FIXED
from edgeprune.prune.contributions import PLACES, by_unit
from edgeprune.prune.design_matrix import blocks, design, matrix, sample_places, with_matrix
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.layers import OUTPUT_COUNT
from edgeprune.prune.stepwise import Stepwise

if TYPE_CHECKING:  # the table of methods imports this file
    from edgeprune.prune.methods.base import Cut

Array = npt.NDArray[np.float64]

RIDGE = 1e-4


@dataclass(frozen=True, eq=False)
class Task:
    """One layer of the cut network to fit.

    read    (samples, rows of its matrix): what it reads
    wanted  (samples, its output channels): what it should compute, bias included
    owners  (rows,): which input channel each row belongs to, from 0
    """

    node: Node
    read: Array
    wanted: Array
    owners: npt.NDArray[np.int64]


Fit = Callable[[Task], Node]


def refit(evidence: Evidence, plan: "Cut", cut: Graph) -> Graph:
    """`cut` with new kernels and biases for the layers that lost inputs; fits any method's `repair`."""
    return repaired(evidence, plan, cut, solve_kernel)


def rescale(evidence: Evidence, plan: "Cut", cut: Graph) -> Graph:
    """`cut` with one factor on each remaining input channel of the layers that lost inputs."""
    return repaired(evidence, plan, cut, solve_scales)


def solve_kernel(task: Task) -> Node:
    """The least-squares kernel and bias, of each group of a grouped convolution for itself."""
    after = matrix(task.node)
    bias = task.node.weights.get("bias")
    shift = None if bias is None else bias.astype(np.float64)
    for rows, outputs in blocks(task.node):
        read, before = task.read[:, rows], after[rows, outputs]
        if shift is not None:
            read = np.column_stack([read, np.ones(len(read))])
            before = np.vstack([before, shift[outputs]])
        fitted = before + ridge(read.T @ read, read.T @ (task.wanted[:, outputs] - read @ before))
        after[rows, outputs] = fitted[: len(rows)]
        if shift is not None:
            shift[outputs] = fitted[-1]
    return with_matrix(task.node, after, shift)


def solve_scales(task: Task) -> Node:
    """The least-squares factor of each input channel, the bias as it is."""
    before = matrix(task.node)
    count = int(task.owners.max()) + 1
    moments = by_unit((task.read.T @ task.read) * (before @ before.T), task.owners, count)
    error = task.wanted - task.read @ before - task.node.weights.get("bias", np.float32(0))
    along = np.bincount(task.owners, ((task.read.T @ error) * before).sum(axis=1), count)
    scales = 1.0 + ridge(moments, along.astype(np.float64)[:, None])[:, 0]
    return with_matrix(task.node, before * scales[task.owners][:, None])


def ridge(moments: Array, along: Array) -> Array:
    """Solve (moments + RIDGE * their mean diagonal * identity) x = along; 0 where nothing was read."""
    strength = RIDGE * float(np.trace(moments)) / len(moments)
    if not strength:
        return np.zeros_like(along)
    return np.asarray(np.linalg.solve(moments + strength * np.eye(len(moments)), along), np.float64)


def repaired(evidence: Evidence, plan: "Cut", cut: Graph, fit: Fit) -> Graph:
    """`cut` with `fit` of every layer that reads fewer numbers than in the whole network."""
    stays = _stays(evidence, plan)
    calls = Counter(node.layer for node in cut.nodes)
    x = evidence.examples.x
    whole, smaller = Stepwise(evidence.graph, x), Stepwise(cut, x)
    nodes = []
    for old, new in zip(evidence.graph.nodes, cut.nodes, strict=True):
        if _lost_inputs(old, new) and calls[new.layer] == 1:
            places = sample_places(old, len(x), PLACES, evidence.rng)
            target = design(old, whole.input(old), places) @ matrix(old)
            target += old.weights.get("bias", np.float32(0))
            wanted = target[:, stays[_line(evidence, old.name)]]
            units = _line(evidence, old.inputs[0])
            read = design(new, smaller.input(new), places)
            new = fit(Task(new, read, wanted, _owners(new, units[stays[units]])))
        whole.run(old)
        smaller.run(new)
        nodes.append(new)
    return replace(cut, nodes=tuple(nodes))


def _lost_inputs(old: Node, new: Node) -> bool:
    if new.kind not in OUTPUT_COUNT:
        return False
    return len(matrix(new)) < len(matrix(old))


def _stays(evidence: Evidence, plan: "Cut") -> npt.NDArray[np.bool_]:
    """A flag per unit of all groups, and a last one, for what is FIXED."""
    stays = []
    for group, kept in zip(evidence.channels.groups, plan.kept, strict=True):
        flags = np.zeros(len(group.units), dtype=bool)
        flags[kept] = True
        stays.append(flags)
    return np.concatenate([*stays, np.ones(1, dtype=bool)])


def _line(evidence: Evidence, name: str) -> npt.NDArray[np.int64]:
    """The unit of each channel of a node's output, or FIXED."""
    labels = evidence.channels.labels[name]
    line: npt.NDArray[np.int64] = labels[(0,) * (labels.ndim - 1)]
    return line


def _owners(node: Node, units: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The input channel of each row of the node's matrix, from 0; places of one unit are one channel."""
    own = np.where(units == FIXED, units.max() + 1 + np.arange(len(units)), units)
    channels = np.unique(own, return_inverse=True)[1].astype(np.int64)
    if node.kind.startswith("Separable"):
        return np.repeat(channels, len(matrix(node)) // len(channels))
    return np.tile(channels, len(matrix(node)) // len(channels))
