"""Is the pruned network the original with those channels held at zero? Knows nothing of the surgery.

The original runs with the removed output channels set to zero after their layer and after every layer
on their way (so that neither a batch norm's shift nor sigmoid(0) = 1/2 brings them back). Which elements
are on that way is worked out here, by following flags through the network with rules of its own. Both
networks run in double precision on random inputs, and every layer is compared, not only the outputs.

The two do the same sums up to added zeros, so they differ by rounding alone: for a sum of n products
at most n * 2^-53 of the sum of magnitudes, 1e-11 for n = 1e5, and a hundred layers add up to 1e-9. That
times the largest output of the layer is the tolerance; the 1e-5 promised in single precision is far off.
"""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InternalError
from edgeprune.graph.forward import Array, forward
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.kinds import GLOBAL_POOLINGS, MERGES, POOLINGS, TRAINING_ONLY

_Flags = npt.NDArray[np.bool_]

_TOLERANCE = 1e-9
_SAMPLES = 2

_MAKERS = (
    "Conv1D",
    "Conv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "SeparableConv1D",
    "SeparableConv2D",
    "Dense",
)
_SAME_PLACE = TRAINING_ONLY | {"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Identity"}
_PER_CHANNEL = (
    POOLINGS
    | GLOBAL_POOLINGS
    | {"BatchNormalization", "LayerScale", "Rescaling", "DepthwiseConv1D", "DepthwiseConv2D"}
    | {f"{kind}{rank}" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in ("1D", "2D")}
)


def check_pruned(
    original: Graph, pruned: Graph, removed: Mapping[str, Collection[int]], rng: np.random.Generator
) -> float:
    """Compare `pruned` with `original` less the `removed` output channels (layer name: indices).

    Returns the largest difference found, relative to its layer's largest output. Raises InternalError
    naming the first layer that differs, in shape or in value.
    """
    alive = _follow(original, removed)
    inputs = [rng.normal(size=(_SAMPLES, *original.by_name[name].shape)) for name in original.inputs]
    masked = forward(original, inputs, after=lambda node, out: out * alive[node.name])
    actual = _run(pruned, inputs)
    worst = 0.0
    for node in original.nodes:
        found = _difference(node, masked[node.name], alive[node.name], actual.get(node.name))
        if not found <= _TOLERANCE:
            raise InternalError(
                f"pruning changed layer {node.name} ({node.kind}): it differs from the masked network "
                f"by {found:.3g} of its largest output, allowed is {_TOLERANCE:g}"
            )
        worst = max(worst, found)
    return worst


def _run(pruned: Graph, inputs: list[Array]) -> dict[str, Array]:
    """The outputs of all layers; weights that do not fit together are an error that names the layer."""
    done: list[str] = []

    def note(node: Node, out: Array) -> Array:
        done.append(node.name)
        return out

    try:
        return forward(pruned, inputs, after=note)
    except ValueError as error:
        node = pruned.nodes[len(done)]
        raise InternalError(f"pruning broke layer {node.name} ({node.kind}): {error}") from error


def _difference(node: Node, masked: Array, alive: _Flags, actual: Array | None) -> float:
    expected = masked[:, alive]
    if actual is None or actual[0].size != expected[0].size:
        raise InternalError(
            f"pruning changed layer {node.name} ({node.kind}): {expected[0].size} elements should be "
            f"left, {'none' if actual is None else actual[0].size} are"
        )
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-30)
    return float(np.abs(expected - actual.reshape(expected.shape)).max(initial=0.0)) / scale


def _follow(graph: Graph, removed: Mapping[str, Collection[int]]) -> dict[str, _Flags]:
    """For each node, in its output's shape, what is left."""
    alive: dict[str, _Flags] = {}
    unknown = set(removed) - {node.layer for node in graph.nodes if node.kind in _MAKERS}
    if unknown:
        raise InternalError(f"the plan removes channels of {min(unknown)}, which makes none")
    for node in graph.nodes:
        sources = [alive[name] for name in node.inputs]
        alive[node.name] = _rule(node, sources, removed.get(node.layer, ()))
        if not alive[node.name].any():
            raise InternalError(f"the plan leaves nothing of layer {node.name}")
    for name in (*graph.inputs, *graph.outputs):
        if not alive[name].all():
            raise InternalError(f"the plan removes channels of {name}, an input or output of the network")
    return alive


def _rule(node: Node, sources: list[_Flags], removed: Collection[int]) -> _Flags:
    if node.kind in _MAKERS:
        _by_channel(node, sources[0])
        flags = np.ones(node.shape, dtype=bool)
        flags[..., sorted(removed)] = False
        return flags
    if node.kind in _SAME_PLACE:
        _by_channel_or_flat(node, sources[0])
        return sources[0]
    if node.kind in _PER_CHANNEL:
        channels = _by_channel(node, sources[0])
        return np.broadcast_to(np.repeat(channels, node.shape[-1] // len(channels)), node.shape)
    if node.kind in ("Flatten", "Reshape"):
        return sources[0].reshape(node.shape)
    if node.kind == "Permute":
        return sources[0].transpose([dim - 1 for dim in node.config["dims"]])
    if node.kind == "RepeatVector":
        return np.tile(sources[0], (node.shape[0], 1))
    if node.kind == "Concatenate":
        axis = int(node.config.get("axis", -1))
        return np.concatenate(sources, axis - 1 if axis > 0 else axis)
    if node.kind in MERGES:
        return _merged(node, sources)
    if not all(flags.all() for flags in sources):
        raise InternalError(f"layer {node.name} ({node.kind}) needs channels that the plan removes")
    return np.ones(node.shape, dtype=bool)


def _by_channel(node: Node, flags: _Flags) -> _Flags:
    """One flag per channel; an error when a channel is only partly there."""
    channels = flags.reshape(-1, flags.shape[-1])
    if (channels != channels[0]).any():
        raise InternalError(f"layer {node.name} ({node.kind}) gets channels of which parts are removed")
    first: _Flags = channels[0]
    return first


def _by_channel_or_flat(node: Node, flags: _Flags) -> None:
    """Left must be a box: as many elements as the product of what is left along each axis."""
    box = 1
    for axis in range(flags.ndim):
        others = tuple(other for other in range(flags.ndim) if other != axis)
        box *= int(flags.any(axis=others).sum())
    if box != int(flags.sum()):
        raise InternalError(f"layer {node.name} ({node.kind}) is left without the shape of a box")


def _merged(node: Node, sources: list[_Flags]) -> _Flags:
    """Inputs must lack the same elements; a map spread over all channels must be whole."""
    whole = [flags for flags in sources if flags.shape[-1] == node.shape[-1]]
    if not all(flags.all() for flags in sources if flags.shape[-1] != node.shape[-1]):
        raise InternalError(f"layer {node.name} ({node.kind}) spreads a removed channel over all")
    spread = [np.broadcast_to(flags, node.shape) for flags in whole]
    if any((flags != spread[0]).any() for flags in spread):
        raise InternalError(f"layer {node.name} ({node.kind}) joins a removed channel with one that stays")
    return spread[0]
