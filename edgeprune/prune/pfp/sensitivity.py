"""Sensitivity: the largest share that an input channel ever has in a sum of its layer.

    share of row q in output i, for one patch:   w_iq a_q / sum_k w_ik a_k     over weights of one sign
    s_j = max over examples, outputs, patches and signs of the share of channel j

Positive and negative weights are separate sums; of an input with negative values both halves, max(a, 0)
and max(-a, 0), count as examples. So 0 <= s_j <= 1, the scale of the input and of a filter does not
matter, and a channel that is zero on all examples has 0.

A channel has several rows: the positions of a window, or of a flattened map. "max" takes the largest of
their shares, as the authors' code does, "sum" adds them up, as their paper has it.

Source:  Liebenwein et al., "Provable Filter Pruning for Efficient Neural Networks", ICLR 2020,
         arXiv:1911.07412; ALGORITHMS section 2.2
Cost:    for each example about twice the MACs of the layers that read prunable channels
Differs: channels that a flattening spreads over rows of a dense layer stay one channel
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.prune.channels import FIXED, ChannelGroup
from edgeprune.prune.evidence import Array, Evidence
from edgeprune.prune.layers import OUTPUT_COUNT
from edgeprune.prune.pfp.unfold import features_of, repeats, rows_of, unfold

Reduce = Literal["max", "sum"]
Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FAILURE = 1e-16  # delta, the chance that the bound does not hold
CONSTANT = 3.0  # C = K of the bounds, as in the authors' code
SMALLEST = 1.19e-7  # a sum below it has no shares, a probability below it is 0

_BATCH = 16
_BLOCK = 1024  # columns at a time: some hundred rows of them stay in the cache
_LARGEST = 1 << 22  # numbers in an unfolded input or its sums at a time


@dataclass(frozen=True, eq=False)
class LayerSensitivity:
    """What the examples say of the input channels of one layer.

    channels    the unit that is each input channel, numbered through all groups, or FIXED
    values      s_j of each
    patches     output positions
    window      weights of one filter for one channel
    constants   (features,) the value of an input feature that never changes, else NaN
    """

    layer: str
    channels: Indices
    values: Values
    patches: int
    window: int
    constants: Values


@dataclass(frozen=True, eq=False)
class Sample:
    """Which examples the sensitivities are taken from, and those held out for the check."""

    used: Indices
    held_out: Indices


def sensitivity(columns: Array, kernel: Array, owners: Indices, count: int, reduce: Reduce = "max") -> Values:
    """s_j of `count` channels: columns (rows, N), kernel (rows, outputs), owners the channel of each row."""
    columns = np.asarray(columns, np.float32)
    halves = [columns]
    if (columns < 0).any():
        halves = [np.maximum(columns, 0), np.maximum(-columns, 0)]
    kernel = np.asarray(kernel, np.float32)
    signs = [np.maximum(kernel, 0), np.maximum(-kernel, 0)]
    shares = _largest if reduce == "max" else _largest_sums
    found = np.zeros(count)
    for half in halves:
        for weights in signs:
            # One product for all columns: a small one for each block keeps threads waiting.
            sums = weights.T @ half
            reciprocals = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > SMALLEST)
            found = np.maximum(found, shares(half, weights, reciprocals, owners, count))
    return np.minimum(found, 1.0)  # a share of all may be rounded up


def _largest(
    columns: FloatArray, weights: FloatArray, reciprocals: FloatArray, owners: Indices, count: int
) -> Values:
    """The largest share of any single row of each channel; reciprocals (outputs, N), 0 for no sum."""
    rows = np.zeros(len(columns), np.float32)
    for start in range(0, columns.shape[1], _BLOCK):
        block = columns[:, start : start + _BLOCK]
        shares = np.empty_like(block)
        for output, reciprocal in enumerate(reciprocals[:, start : start + _BLOCK]):
            np.multiply(block, reciprocal, out=shares)
            np.maximum(rows, weights[:, output] * shares.max(axis=1), out=rows)
    found = np.zeros(count)
    np.maximum.at(found, owners, rows)
    return found


def _largest_sums(
    columns: FloatArray, weights: FloatArray, reciprocals: FloatArray, owners: Indices, count: int
) -> Values:
    """The largest share of all rows of each channel together."""
    order = np.argsort(owners, kind="stable")
    ends = np.cumsum(np.bincount(owners, minlength=count))
    found = np.zeros(count)
    for channel, rows in enumerate(np.split(order, ends[:-1])):
        found[channel] = ((weights[rows].T @ columns[rows]) * reciprocals).max(initial=0.0)
    return found


def sensitivities(evidence: Evidence, reduce: Reduce = "max") -> Mapping[str, LayerSensitivity]:
    """The sensitivities of every layer that reads prunable channels, by layer; worked out once."""
    return evidence.once(("pfp", reduce), lambda: _measure(evidence, reduce))


def sample(evidence: Evidence) -> Sample:
    """As many examples as the bound asks for, at most half, spread evenly; raises UsageError below 2."""
    total = len(evidence.examples.x)
    if total < 2:
        raise UsageError(
            f"provable filter pruning needs at least 2 examples, has {total}",
            hint="give a larger data set with --data",
        )
    size = min(sample_size(evidence.graph), total // 2)
    used = np.arange(size) * total // size
    return Sample(used, np.setdiff1d(np.arange(total), used))


def sample_size(graph: Graph, failure: float = FAILURE) -> int:
    """|S| = C ln(8 eta* eta / delta); eta counts the outputs of all layers, eta* those of the largest."""
    outputs = [math.prod(node.shape) for node in graph.nodes if "Conv" in node.kind or node.kind == "Dense"]
    return math.ceil(CONSTANT * math.log(8 * max(outputs, default=1) * max(1, sum(outputs)) / failure))


def readers(evidence: Evidence) -> Mapping[str, tuple[Node, ...]]:
    """The calls of every layer that makes new channels of prunable ones, by layer, in graph order."""
    found: dict[str, tuple[Node, ...]] = {}
    for node in evidence.graph.nodes:
        if node.kind in OUTPUT_COUNT and (input_units(evidence, node) != FIXED).any():
            found[node.layer] = (*found.get(node.layer, ()), node)
    return found


def input_units(evidence: Evidence, node: Node) -> Indices:
    """The unit, or FIXED, of each input feature of `node` as its kernel counts them."""
    labels = evidence.channels.labels[node.inputs[0]]
    line: Indices = np.repeat(labels[(0,) * (labels.ndim - 1)], repeats(node))
    return line


def activations(
    evidence: Evidence, places: Indices, nodes: Iterable[Node]
) -> Iterator[tuple[Node, FloatArray]]:
    """The inputs of `nodes` for the examples at `places`, in small batches, (N, *shape) each."""
    nodes = tuple(nodes)
    names = tuple(dict.fromkeys(node.inputs[0] for node in nodes))
    for start in range(0, len(places) if names else 0, _BATCH):
        values = evidence.probe.outputs(names, evidence.examples.x[places[start : start + _BATCH]])
        for node in nodes:
            columns = math.prod(node.shape[:-1])
            step = max(1, _LARGEST // (columns * max(rows_of(node), node.shape[-1])))
            array = np.asarray(values[node.inputs[0]], np.float32)
            for at in range(0, len(array), step):
                yield node, array[at : at + step]


class _Running:
    """The maxima of one layer so far."""

    def __init__(self, node: Node, units: Indices) -> None:
        # A fixed feature is a channel of its own; those of one unit are one channel.
        names = np.where(units == FIXED, -1 - np.arange(len(units)), units)
        found, inverse = np.unique(names, return_inverse=True)
        self.channels = np.where(found < 0, FIXED, found)
        self.owners = inverse.reshape(-1)[features_of(node)]
        self.values = np.zeros(len(found))
        self.lowest = np.full(len(units), np.inf)
        self.highest = np.full(len(units), -np.inf)
        self.patches = math.prod(node.shape[:-1])
        self.window = round(rows_of(node) / len(found))

    def add(self, node: Node, x: FloatArray, reduce: Reduce) -> None:
        parts = unfold(node, x)
        found = sensitivity(parts.columns, parts.kernel, self.owners, len(self.values), reduce)
        self.values = np.maximum(self.values, found)
        features = parts.inputs.reshape(-1, parts.inputs.shape[-1])
        self.lowest = np.minimum(self.lowest, features.min(axis=0))
        self.highest = np.maximum(self.highest, features.max(axis=0))

    def constants(self) -> Values:
        # Equal sums in another order differ by rounding: 2^-24 for each of some terms.
        same = self.highest - self.lowest <= 1e-6 * np.abs(self.highest)
        return np.where(same, self.highest, np.nan)


def _measure(evidence: Evidence, reduce: Reduce) -> Mapping[str, LayerSensitivity]:
    calls = readers(evidence)
    running = {layer: _Running(nodes[0], input_units(evidence, nodes[0])) for layer, nodes in calls.items()}
    every = [node for nodes in calls.values() for node in nodes]
    for node, x in activations(evidence, sample(evidence).used, every):
        running[node.layer].add(node, x, reduce)
    return {
        layer: LayerSensitivity(layer, r.channels, r.values, r.patches, r.window, r.constants())
        for layer, r in running.items()
    }


def unit_sensitivities(evidence: Evidence, group: ChannelGroup, reduce: Reduce = "max") -> Values:
    """s of each unit of a group: the largest among the layers that read it; 0 where none does."""
    first = evidence.first_unit(group)
    found = np.zeros(len(group.units))
    for layer in sensitivities(evidence, reduce).values():
        inside = (layer.channels >= first) & (layer.channels < first + len(found))
        np.maximum.at(found, layer.channels[inside] - first, layer.values[inside])
    return found
