"""Surgery: remove a plan's channels from every weight, shape and configuration of a graph.

The result is an ordinary smaller network: nothing is masked, and no layer knows that it was cut.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError, UsageError
from edgeprune.graph.ir import FloatArray, Graph, Node
from edgeprune.prune.channels import Channel, ChannelMap, Labels, compact, map_channels, varying_axes
from edgeprune.prune.layers import OUTPUT_COUNT, SLICES, Side, kernel_inputs

Removed = Mapping[str, Collection[int]]
_Kept = npt.NDArray[np.bool_]


class Plan(Protocol):
    """What surgery needs of a PrunePlan: for each layer the output channels to remove."""

    @property
    def removed(self) -> Removed: ...


def apply(graph: Graph, plan: Plan) -> Graph:
    """Return `graph` without the plan's channels; raises UsageError when it splits what belongs together."""
    channels = map_channels(graph)
    return cut(graph, channels, _gone(channels, plan.removed))


def cut(graph: Graph, channels: ChannelMap, gone: _Kept) -> Graph:
    """Return `graph` without the units of `channels` that are marked in `gone`, one flag per unit."""
    stays = np.append(~gone, True)  # the last entry is what FIXED, -1, looks up
    kept = {name: _flags(stays, labels) for name, labels in channels.labels.items()}
    nodes = [_cut_node(n, [kept[name] for name in n.inputs], kept[n.name]) for n in graph.nodes]
    return replace(graph, nodes=tuple(nodes))


def _flags(stays: _Kept, labels: Labels) -> _Kept:
    return np.broadcast_to(stays[compact(labels)], labels.shape)


def _gone(channels: ChannelMap, removed: Removed) -> _Kept:
    """A flag per unit; every channel of a unit must be listed, or none."""
    listed = {Channel(layer, int(index)) for layer, indices in removed.items() for index in indices}
    units = [unit for group in channels.groups for unit in group.units]
    gone = np.array([unit[0] in listed for unit in units], dtype=bool)
    for flag, unit in zip(gone, units, strict=True):
        for channel in unit:
            if (channel in listed) != flag:
                raise UsageError(f"the plan splits {unit[0]} and {channel}, which can only go together")
            listed.discard(channel)
    if listed:
        raise UsageError(f"the plan removes {min(listed)}, which cannot be removed")
    return gone


def _cut_node(node: Node, inputs: list[_Kept], out: _Kept) -> Node:
    shape = _shape(node, out)
    sides: dict[Side, _Kept] = {"out": _last(out)}
    if node.kind in SLICES and node.weights:
        sides["in"] = kernel_inputs(node, _last(inputs[0]))
        multiplier = int(node.config.get("depth_multiplier", 1))
        sides["hidden"] = np.repeat(sides["in"], multiplier)
    weights = {name: _cut_weight(node, name, array, sides, out) for name, array in node.weights.items()}
    config = _cut_config(node, shape)
    return replace(node, shape=shape, weights=weights, config=config)


def _last(kept: _Kept) -> _Kept:
    """Flags along the last axis of a tensor whose flags differ along no other."""
    line: _Kept = kept[(0,) * (kept.ndim - 1)]
    return line


def _shape(node: Node, kept: _Kept) -> tuple[int, ...]:
    """The box that is left."""
    axes = varying_axes(kept)
    if len(axes) > 1 or not kept.any():
        raise InternalError(f"removing channels leaves no box at {node.name}: flags differ along axes {axes}")
    shape = list(node.shape)
    if axes:
        shape[axes[0]] = int(kept.sum()) * node.shape[axes[0]] // kept.size
    return tuple(shape)


def _cut_weight(
    node: Node, name: str, array: FloatArray, sides: Mapping[Side, _Kept], out: _Kept
) -> FloatArray:
    if node.kind == "PReLU":
        return _cut_like_output(array, out)
    for axis, side in SLICES.get(node.kind, {}).get(name, ()):
        if sides[side].all():
            continue
        array = np.compress(sides[side], array, axis=array.ndim + axis)
    return array


def _cut_like_output(array: FloatArray, kept: _Kept) -> FloatArray:
    """Cut a weight that is broadcast against the layer's output."""
    for axis in varying_axes(kept):
        if array.shape[axis] != 1:
            flags = np.moveaxis(kept, axis, 0).reshape(kept.shape[axis], -1)[:, 0]
            array = np.compress(flags, array, axis=axis)
    return array


def _cut_config(node: Node, shape: tuple[int, ...]) -> dict[str, Any]:
    config = dict(node.config)
    if node.kind in OUTPUT_COUNT:
        config[OUTPUT_COUNT[node.kind]] = shape[-1]
    if node.kind == "LayerScale":
        config["projection_dim"] = shape[-1]
    if node.kind == "Reshape":
        config["target_shape"] = list(shape)
    return config
