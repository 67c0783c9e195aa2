"""Does a Graph hold together? An independent reading of what every node's configuration says.

Knows nothing of Keras or of the code that made the Graph: shapes and weights are worked out from the
configurations with formulas of its own. A complaint is a fault in edgeprune, not in the user's model.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeprune.errors import InternalError
from edgeprune.graph import kinds
from edgeprune.graph.ir import Graph, Node, Shape

Shapes = list[Shape]


def check(graph: Graph) -> None:
    """Raise InternalError naming the first node that breaks an invariant.

    Checked: unique names, inputs before their users, input and output names, no dead nodes, shapes,
    names, shapes, type and finiteness of weights, and equal weights in nodes that share a layer.
    """
    known: dict[str, Node] = {}
    for node in graph.nodes:
        if node.name in known:
            raise InternalError(f"two nodes are called {node.name!r}")
        missing = [name for name in node.inputs if name not in known]
        if missing:
            raise InternalError(f"node {node.name!r} takes {missing[0]!r}, which does not come before it")
        _check_node(node, [known[name].shape for name in node.inputs])
        known[node.name] = node
    _check_ends(graph, known)
    _check_shared(graph)


def _check_ends(graph: Graph, known: Mapping[str, Node]) -> None:
    layers = {name for name, node in known.items() if node.kind == "InputLayer"}
    if not graph.inputs or set(graph.inputs) != layers:
        raise InternalError(f"graph {graph.name!r} has inputs {graph.inputs}, its nodes say {sorted(layers)}")
    if not graph.outputs or not set(graph.outputs) <= set(known):
        raise InternalError(f"graph {graph.name!r} has unknown outputs in {graph.outputs}")
    live = set(graph.outputs) | layers
    for node in reversed(graph.nodes):
        if node.name not in live:
            raise InternalError(f"node {node.name!r} leads to no output")
        live.update(node.inputs)


def _check_shared(graph: Graph) -> None:
    first: dict[str, Node] = {}
    for node in graph.nodes:
        other = first.setdefault(node.layer, node)
        if (other.kind, dict(other.config)) != (node.kind, dict(node.config)) or any(
            not np.array_equal(node.weights[name], value) for name, value in other.weights.items()
        ):
            raise InternalError(f"nodes {other.name!r} and {node.name!r} share a layer but differ")


def _check_node(node: Node, inputs: Shapes) -> None:
    if node.kind not in kinds.KINDS:
        raise InternalError(f"node {node.name!r} has the unknown kind {node.kind!r}")
    wanted = 0 if node.kind == "InputLayer" else 1
    if (len(inputs) < 2) if node.kind in kinds.MERGES - {"Concatenate"} else (len(inputs) < wanted):
        raise InternalError(f"node {node.name!r} ({node.kind}) has {len(inputs)} inputs")
    if node.kind not in kinds.MERGES and len(inputs) != wanted:
        raise InternalError(f"node {node.name!r} ({node.kind}) has {len(inputs)} inputs, not {wanted}")
    shape = infer_shape(node, inputs)
    if shape != node.shape or min(shape, default=1) < 1:
        raise InternalError(f"node {node.name!r} ({node.kind}) says shape {node.shape}, it must be {shape}")
    _check_weights(node, _expected_weights(node, inputs))


def _check_weights(node: Node, expected: Mapping[str, Shape]) -> None:
    found = {name: array.shape for name, array in node.weights.items()}
    if found != dict(expected):
        raise InternalError(f"node {node.name!r} ({node.kind}) has weights {found}, not {dict(expected)}")
    for name, array in node.weights.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise InternalError(f"node {node.name!r}: its {name} is not all finite float32")


# --- shapes ---


def infer_shape(node: Node, inputs: Shapes) -> Shape:
    """The output shape that kind, configuration and input shapes give, without the batch dimension."""
    rule = _SHAPES.get(node.kind)
    if rule is None:
        return node.shape if node.kind == "InputLayer" else inputs[0]
    return rule(node.config, inputs)


def _pair(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _windows(config: Mapping[str, Any], extents: Shape, kernel: Shape, strides: Shape) -> Shape:
    """Output extents of a sliding window."""
    dilation = _pair(config.get("dilation_rate", 1), len(extents))
    reach = [(size - 1) * rate + 1 for size, rate in zip(kernel, dilation, strict=True)]
    if config["padding"] == "same":
        return tuple(-(-extent // step) for extent, step in zip(extents, strides, strict=True))
    if config["padding"] == "causal":
        reach = [1] * len(reach)
    triples = zip(extents, reach, strides, strict=True)
    return tuple((extent - size) // step + 1 for extent, size, step in triples)


def _convolution(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, channels = inputs[0]
    rank = len(extents)
    kernel, strides = _pair(config["kernel_size"], rank), _pair(config["strides"], rank)
    out = config.get("filters") or channels * config["depth_multiplier"]
    return (*_windows(config, tuple(extents), kernel, strides), out)


def _transposed(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, _ = inputs[0]
    rank = len(extents)
    kernel, strides = _pair(config["kernel_size"], rank), _pair(config["strides"], rank)
    dilation = _pair(config.get("dilation_rate", 1), rank)
    extra = config.get("output_padding")
    found = []
    for axis, extent in enumerate(extents):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if extra is not None:
            pad = reach // 2 if config["padding"] == "same" else 0
            found.append((extent - 1) * strides[axis] + reach - 2 * pad + _pair(extra, rank)[axis])
        elif config["padding"] == "same":
            found.append(extent * strides[axis])
        else:
            found.append(extent * strides[axis] + max(reach - strides[axis], 0))
    return (*found, config["filters"])


def _pooling(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, channels = inputs[0]
    window = _pair(config["pool_size"], len(extents))
    strides = window if config["strides"] is None else _pair(config["strides"], len(extents))
    return (*_windows(config, tuple(extents), window, strides), channels)


def _global_pooling(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    kept = (1,) * (len(inputs[0]) - 1) if config.get("keepdims") else ()
    return (*kept, inputs[0][-1])


def _dense(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    return (*inputs[0][:-1], config["units"])


def _elementwise(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    try:
        return tuple(int(extent) for extent in np.broadcast_shapes(*inputs))
    except ValueError as error:
        raise InternalError(f"node {config.get('name')!r} merges shapes {inputs}") from error


def _concatenate(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    rank = len(inputs[0])
    axis = config["axis"] % (rank + 1) - 1 if config["axis"] > 0 else config["axis"] % rank
    rests = {shape[:axis] + shape[axis + 1 :] for shape in inputs}
    if len(rests) != 1:
        raise InternalError(f"node {config.get('name')!r} concatenates shapes {inputs}")
    return (*inputs[0][:axis], sum(shape[axis] for shape in inputs), *inputs[0][axis + 1 :])


def _flatten(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    return (math.prod(inputs[0]),)


def _reshape(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    target, elements = list(config["target_shape"]), math.prod(inputs[0])
    if -1 in target:
        target[target.index(-1)] = elements // -math.prod(target)
    if math.prod(target) != elements:
        raise InternalError(f"node {config.get('name')!r} reshapes {inputs[0]} to {target}")
    return tuple(target)


def _permute(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    return tuple(inputs[0][place - 1] for place in config["dims"])


def _repeat(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    return (config["n"], *inputs[0])


def _margins(value: Any, rank: int) -> list[tuple[int, int]]:
    """Padding or cropping as (before, after) for each spatial dimension."""
    if isinstance(value, int):
        return [(value, value)] * rank
    if rank == 1 and len(value) == 2 and all(isinstance(side, int) for side in value):
        return [(value[0], value[1])]
    return [(side, side) if isinstance(side, int) else (side[0], side[1]) for side in value]


def _padding(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, channels = inputs[0]
    margins = _margins(config["padding"], len(extents))
    return (*(extent + sum(sides) for extent, sides in zip(extents, margins, strict=True)), channels)


def _cropping(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, channels = inputs[0]
    margins = _margins(config["cropping"], len(extents))
    return (*(extent - sum(sides) for extent, sides in zip(extents, margins, strict=True)), channels)


def _upsampling(config: Mapping[str, Any], inputs: Shapes) -> Shape:
    *extents, channels = inputs[0]
    factors = _pair(config["size"], len(extents))
    return (*(extent * factor for extent, factor in zip(extents, factors, strict=True)), channels)


_SHAPES: dict[str, Callable[[Mapping[str, Any], Shapes], Shape]] = {
    **dict.fromkeys(kinds.CONVOLUTIONS, _convolution),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _transposed),
    **dict.fromkeys(kinds.POOLINGS, _pooling),
    **dict.fromkeys(kinds.GLOBAL_POOLINGS, _global_pooling),
    **dict.fromkeys(kinds.MERGES, _elementwise),
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _padding),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _cropping),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D"), _upsampling),
}


# --- weights ---


def _expected_weights(node: Node, inputs: Shapes) -> dict[str, Shape]:
    config = node.config
    if node.kind in kinds.CONVOLUTIONS or node.kind == "Dense":
        found = _kernels(node, inputs[0])
        return {**found, "bias": (node.shape[-1],)} if config["use_bias"] else found
    if node.kind == "BatchNormalization":
        shape: Shape = (inputs[0][config["axis"] - 1 if config["axis"] > 0 else config["axis"]],)
        found = {name: shape for name, on in (("gamma", config["scale"]), ("beta", config["center"])) if on}
        return {**found, "moving_mean": shape, "moving_variance": shape}
    if node.kind == "LayerNormalization":
        axes = _pair(config["axis"], 1)
        shape = tuple(inputs[0][axis - 1 if axis > 0 else axis] for axis in axes)
        return {name: shape for name, on in (("gamma", config["scale"]), ("beta", config["center"])) if on}
    if node.kind == "LayerScale":
        return {"gamma": (config["projection_dim"],)}
    if node.kind == "PReLU":
        shared = _pair(config["shared_axes"] or (), 1)
        extents = enumerate(inputs[0], start=1)
        return {"alpha": tuple(1 if axis in shared else extent for axis, extent in extents)}
    return {}


def _kernels(node: Node, shape: Shape) -> dict[str, Shape]:
    config, channels = node.config, shape[-1]
    if node.kind == "Dense":
        return {"kernel": (channels, config["units"])}
    window = _pair(config["kernel_size"], len(shape) - 1)
    if node.kind.startswith("Depthwise"):
        return {"kernel": (*window, channels, config["depth_multiplier"])}
    if node.kind.startswith("Separable"):
        multiplier, ones = config["depth_multiplier"], (1,) * len(window)
        return {
            "depthwise_kernel": (*window, channels, multiplier),
            "pointwise_kernel": (*ones, channels * multiplier, config["filters"]),
        }
    if node.kind.endswith("Transpose"):
        return {"kernel": (*window, config["filters"], channels)}
    return {"kernel": (*window, channels // config["groups"], config["filters"])}
