"""Keras to Graph and back: the same outputs, the same names, and what is refused."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from edgeprune.errors import InternalError, ModelError
from edgeprune.graph.check import check
from edgeprune.graph.cost import count
from edgeprune.graph.forward import forward
from edgeprune.graph.ir import Graph, Node
from edgeprune.graph.keras_in import from_keras
from edgeprune.graph.keras_out import to_keras

L = keras.layers


def randomized(model: Any, seed: int = 0) -> Any:
    """`model` with every weight drawn anew, so that no batch norm is the identity."""
    rng = np.random.default_rng(seed)
    drawn = [rng.uniform(0.1, 0.9, array.shape).astype(np.float32) for array in model.get_weights()]
    model.set_weights(drawn)
    return model


def sequence(shape: tuple[int, ...], *layers: Any) -> Any:
    return randomized(keras.Sequential([keras.Input(shape), *layers]))


def outputs(model: Any, examples: int = 3) -> np.ndarray:
    shape = model.input_shape[1:]
    x = np.random.default_rng(1).uniform(-1, 1, (examples, *shape)).astype(np.float32)
    return np.asarray(model(x, training=False))


def residual() -> Any:
    x = keras.Input((8, 8, 3), name="image")
    y = L.Conv2D(4, 3, padding="same", name="stem")(x)
    z = L.Conv2D(4, 3, padding="same", name="branch", use_bias=False)(y)
    z = L.BatchNormalization(axis=3, name="norm")(z)
    z = L.LeakyReLU(negative_slope=0.1)(z)
    y = L.Add()([y, z])
    y = L.Concatenate(axis=3)([y, L.Average()([y, z]), L.Subtract()([z, y])])
    y = L.Maximum()([y, L.Multiply()([y, y])])
    return randomized(keras.Model(x, L.Dense(5, activation="softmax")(L.GlobalAveragePooling2D()(y))))


def nested() -> Any:
    block = keras.Sequential(
        [keras.Input((6, 6, 2)), L.Conv2D(2, 3, padding="same", name="conv")], name="block"
    )
    inner = keras.Sequential([keras.Input((6, 6, 2)), block, L.ReLU(name="out")], name="inner")
    x = keras.Input((6, 6, 2))
    y = L.Conv2D(2, 1, name="conv")(x)
    return randomized(keras.Model(x, L.Flatten()(inner(inner(y)))))


def operations() -> Any:
    x = keras.Input((6, 6, 2))
    y = keras.ops.relu(L.Conv2D(2, 3, padding="same")(x) + x)
    y = keras.ops.concatenate([1 - y, 2.0 * y, y * x], axis=-1)
    y = keras.ops.mean(keras.ops.sigmoid(y) - 0.5, axis=(1, 2))
    return randomized(keras.Model(x, keras.ops.softmax(keras.ops.reshape(y, (-1, 6)) / 4)))


def normalized() -> Any:
    layer = L.Normalization()
    layer.adapt(np.random.default_rng(2).normal(3, 2, (50, 5)))
    return keras.Sequential([keras.Input((5,)), layer, L.Dense(3)])


def applications() -> Any:
    """What Keras defines beside its own applications."""
    x = keras.Input((6, 6, 3))
    y = L.Normalization(axis=3, mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7], name="standard")(x)
    y = L.Conv2D(3, 3, padding="same", name="conv")(y)
    join = CustomScaleLayer(scale=0.17, name="join")
    y = join([x, join([x, y])])
    y = StochasticDepth(0.25, name="depth")(LayerScale(0.1, 3, name="scale")(y))
    return randomized(keras.Model(x, L.GlobalAveragePooling2D()(y)))


MODELS: dict[str, Callable[[], Any]] = {
    "residual": residual,
    "nested": nested,
    "operations": operations,
    "normalization": normalized,
    "applications": applications,
    "separable": lambda: sequence((9, 9, 3), L.SeparableConv2D(4, 3, strides=2, depth_multiplier=2)),
    "depthwise": lambda: sequence((9, 9, 3), L.DepthwiseConv2D((3, 2), depth_multiplier=2, dilation_rate=2)),
    "grouped": lambda: sequence((9, 9, 4), L.Conv2D(6, (3, 2), strides=(2, 1), groups=2, activation="relu6")),
    "a group for each": lambda: sequence(
        (9, 9, 4),
        L.Conv2D(4, 3, strides=2, groups=4, activation="relu6"),
        L.Conv2D(12, (3, 2), groups=4, dilation_rate=2, padding="same", use_bias=False),
        L.Conv2D(24, (3, 2), strides=(1, 2), groups=12),
        L.Reshape((-1, 24)),
        L.Conv1D(48, 2, groups=24),
        L.Conv1D(48, 2, groups=48, padding="causal"),
    ),
    "transposed valid": lambda: sequence((5, 5, 3), L.Conv2DTranspose(4, (3, 2), strides=(2, 3))),
    "transposed same": lambda: sequence((5, 5, 3), L.Conv2DTranspose(4, 3, strides=2, padding="same")),
    "transposed extra": lambda: sequence((5, 5, 3), L.Conv2DTranspose(4, 3, strides=2, output_padding=1)),
    "one dimension": lambda: sequence(
        (24, 2),
        L.Conv1D(4, 3, padding="causal", dilation_rate=2),
        L.DepthwiseConv1D(3),
        L.SeparableConv1D(5, 3),
        L.Conv1DTranspose(4, 3, strides=2),
        L.ZeroPadding1D((1, 2)),
        L.Cropping1D(1),
        L.UpSampling1D(2),
        L.MaxPooling1D(2),
        L.AveragePooling1D(3, strides=2, padding="same"),
        L.GlobalMaxPooling1D(),
    ),
    "shapes": lambda: sequence(
        (6, 8, 2),
        L.ZeroPadding2D(((1, 0), (2, 1))),
        L.Cropping2D((1, 2)),
        L.UpSampling2D((2, 1)),
        L.MaxPooling2D(2, strides=1),
        L.AveragePooling2D((2, 3), padding="same"),
        L.Permute((2, 1, 3)),
        L.Reshape((-1, 2)),
        L.Flatten(),
        L.RepeatVector(2),
    ),
    "activations": lambda: sequence(
        (4, 4, 3),
        L.PReLU(shared_axes=[1, 2]),
        L.ELU(0.5),
        L.ReLU(max_value=6, negative_slope=0.1, threshold=0.2),
        L.Activation("hard_silu"),
        L.Rescaling(1 / 3, 0.25),
        L.LayerNormalization(),
        L.Dense(4, activation=L.LeakyReLU(negative_slope=0.3)),
        L.Dropout(0.5),
        L.GaussianNoise(1.0),
        L.RandomFlip(),
        L.Softmax(axis=-1),
    ),
    "global kept": lambda: sequence((4, 4, 3), L.GlobalMaxPooling2D(keepdims=True), L.Conv2D(2, 1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_graph_is_sound_and_computes_the_same(name: str) -> None:
    model = MODELS[name]()
    graph = from_keras(model)
    check(graph)
    again = to_keras(graph)
    # The same layers in the same order; x / c becomes x * (1 / c), which rounds once more: 2 units of 2^-24.
    np.testing.assert_allclose(outputs(again), outputs(model), rtol=2e-7, atol=2e-7)
    assert graph.parameters == sum(int(np.size(weight)) for weight in graph_weights(model))
    assert {node.name for node in from_keras(again).nodes} == {node.name for node in graph.nodes}


@pytest.mark.parametrize("name", MODELS)
def test_numpy_forward_equals_keras(name: str) -> None:
    model = MODELS[name]()
    graph = from_keras(model)
    x = np.random.default_rng(1).uniform(-1, 1, (3, *model.input_shape[1:])).astype(np.float32)
    found = forward(graph, [x])[graph.outputs[0]]
    # Single precision: 2^-24 for each of some hundred terms and a dozen layers.
    np.testing.assert_allclose(found, outputs(model), rtol=1e-4, atol=1e-5)


def test_layers_of_applications_become_layers_that_say_the_same() -> None:
    graph = from_keras(applications())
    kinds = {node.name: node.kind for node in graph.nodes}
    assert kinds["join"] == kinds["join_2"] == "Add"
    assert graph.by_name["join"].inputs == (graph.inputs[0], "join_scale")
    assert kinds["join_scale"] == "Rescaling"
    assert graph.by_name[graph.by_name["join_2"].inputs[1]].config["scale"] == 0.17
    dropped = graph.by_name["depth"]
    assert (dropped.kind, dropped.config["rate"]) == ("Dropout", 0.25)
    assert dropped.config["noise_shape"] == [None, 1, 1, 1]
    assert graph.by_name["scale"].weights["gamma"].shape == (3,)


def test_dropped_paths_drop_whole_examples() -> None:
    """StochasticDepth and the Dropout that it becomes: each example is zero, or 1 / (1 - rate) of itself."""
    x = np.ones((400, 2, 2, 3), np.float32)
    source = keras.Input((2, 2, 3))
    model = keras.Model(source, StochasticDepth(0.25)(source))
    for network in (model, to_keras(from_keras(model))):
        out = np.asarray(network(x, training=True)).reshape(400, -1)
        assert np.all(out == out[:, :1])
        assert set(np.round(np.unique(out), 5)) == {0.0, np.float32(1.33333)}
        assert 0.65 < (out[:, 0] > 0).mean() < 0.85


def test_a_group_for_each_channel_is_depthwise() -> None:
    kinds = [
        (node.kind, node.config.get("depth_multiplier"))
        for node in from_keras(MODELS["a group for each"]()).nodes
    ]
    # The third has two strides, the last is causal, which no depthwise layer is.
    assert kinds[1:] == [
        ("DepthwiseConv2D", 1),
        ("DepthwiseConv2D", 3),
        ("Conv2D", None),
        ("Reshape", None),
        ("DepthwiseConv1D", 2),
        ("Conv1D", None),
    ]


def graph_weights(model: Any) -> list[np.ndarray]:
    """Weights of a model, without what Normalization counts as such: it is configuration."""
    found = []
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if not isinstance(layer, keras.Model | L.Normalization):
            found += [np.asarray(weight) for weight in layer.weights]
    return found


def test_nested_layers_get_unique_names_and_share_weights() -> None:
    graph = from_keras(nested())
    convolutions = [node for node in graph.nodes if node.kind == "Conv2D"]
    assert [node.name for node in convolutions] == ["conv", "inner_block_conv", "inner_block_conv_2"]
    assert [node.layer for node in convolutions] == ["conv", "inner_block_conv", "inner_block_conv"]
    assert convolutions[2].inputs == ("out",)
    assert graph.parameters == (2 * 2 + 2) + (3 * 3 * 2 * 2 + 2)


def test_batch_size_is_fixed_when_asked() -> None:
    assert to_keras(from_keras(residual()), batch_size=1).input_shape == (1, 8, 8, 3)


def test_configuration_is_json_with_channels_as_axis_minus_one() -> None:
    graph = from_keras(residual())
    assert graph.by_name["norm"].config["axis"] == -1
    merged = next(node for node in graph.nodes if node.kind == "Concatenate")
    assert merged.config["axis"] == -1
    assert isinstance(graph.by_name["stem"].config["kernel_size"], list)
    assert not graph.by_name["stem"].weights["kernel"].flags.writeable


class Mine(keras.Layer):
    def call(self, x: Any) -> Any:
        return x


class Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def _called_in_training() -> Any:
    x = keras.Input((4,))
    return keras.Model(x, L.Dropout(0.5, name="always")(x, training=True))


def _two_outputs() -> Any:
    x = keras.Input((4,))
    return keras.Model(x, keras.ops.split(x, 2, axis=-1)[0])


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: x, name="trick")]),
        r"'trick' \(Lambda\)",
    ),
    (
        lambda: keras.Sequential([keras.Input((4, 2)), L.LSTM(3, name="memory")]),
        r"'memory' \(LSTM\).*recurrent",
    ),
    (lambda: keras.Sequential([keras.Input((4,)), Mine(name="own")]), r"'own' \(Mine\).*custom"),
    (
        lambda: keras.Sequential([keras.Input((4,)), L.Dense(2, activation=lambda x: x, name="d")]),
        "'d'.*activation",
    ),
    (lambda: keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3)]), "unknown shape"),
    (lambda: keras.Sequential([L.Dense(2)]), "no input shape"),
    (lambda: keras.Sequential([keras.Input((4,), dtype="int32"), L.Rescaling(1.0)]), "int32"),
    (lambda: keras.Sequential([keras.Input((4,)), L.Dense(2, dtype="float16", name="half")]), "float16"),
    (
        lambda: keras.Sequential([keras.Input((3, 6, 6)), L.MaxPooling2D(data_format="channels_first")]),
        "first",
    ),
    (_called_in_training, "'always'.*training=True"),
    (
        lambda: keras.Sequential([keras.Input((4,)), L.BatchNormalization(renorm=True, name="re")]),
        "'re'.*renorm",
    ),
    (_two_outputs, "Split.*2 outputs"),
    (Subclassed, "own call"),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_cannot_be_read_is_refused_by_name(case: int) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        from_keras(make())


def changed(graph: Graph, name: str, **changes: Any) -> Graph:
    nodes = [dataclasses.replace(node, **changes) if node.name == name else node for node in graph.nodes]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def _bad_graphs() -> dict[str, Callable[[Graph], Graph]]:
    def config(graph: Graph, name: str, **options: Any) -> Graph:
        return changed(graph, name, config={**graph.by_name[name].config, **options})

    def weights(graph: Graph, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Graph:
        old = graph.by_name[name].weights
        return changed(graph, name, weights={**old, "kernel": change(old["kernel"])})

    return {
        "filters disagree": lambda g: config(g, "stem", filters=5),
        "shape disagrees": lambda g: changed(g, "stem", shape=(8, 8, 5)),
        "kernel too small": lambda g: weights(g, "stem", lambda k: k[..., :3]),
        "kernel not finite": lambda g: weights(g, "stem", lambda k: k * np.float32(np.nan)),
        "kernel double": lambda g: weights(g, "stem", lambda k: k.astype(np.float64)),
        "weight missing": lambda g: changed(g, "norm", weights={}),
        "order": lambda g: dataclasses.replace(g, nodes=tuple(reversed(g.nodes))),
        "name twice": lambda g: dataclasses.replace(g, nodes=(*g.nodes, g.nodes[-1])),
        "dead node": lambda g: dataclasses.replace(g, outputs=("stem",)),
        "unknown output": lambda g: dataclasses.replace(g, outputs=("nowhere",)),
        "unknown kind": lambda g: changed(g, "stem", kind="Lambda"),
        "input missing": lambda g: changed(g, "stem", inputs=()),
    }


@pytest.mark.parametrize("fault", _bad_graphs())
def test_checker_finds_the_fault(fault: str) -> None:
    graph = from_keras(residual())
    check(graph)
    with pytest.raises(InternalError):
        check(_bad_graphs()[fault](graph))


def test_shared_layer_must_not_differ() -> None:
    graph = from_keras(nested())
    node: Node = graph.by_name["inner_block_conv_2"]
    other = {name: array + 1 for name, array in node.weights.items()}
    with pytest.raises(InternalError, match="share"):
        check(changed(graph, node.name, weights=other))


def test_weights_that_do_not_fit_are_an_internal_error() -> None:
    graph = from_keras(residual())
    old = graph.by_name["stem"].weights
    with pytest.raises(InternalError, match="stem"):
        to_keras(changed(graph, "stem", weights={**old, "bias": old["bias"][:2]}))


def test_cost_by_hand() -> None:
    layers = [
        L.Conv2D(6, 3, strides=2, groups=2, name="conv"),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise"),
        L.SeparableConv2D(5, 3, padding="same", name="separable"),
        L.Conv2DTranspose(4, 2, strides=2, name="transposed"),
        L.BatchNormalization(name="norm"),
        L.Flatten(name="flat"),
        L.Dense(7, name="dense"),
    ]
    cost = count(from_keras(sequence((9, 9, 4), *layers)))
    macs = {name: node.macs for name, node in cost.by_node.items() if node.macs}
    assert macs == {
        "conv": 4 * 4 * 3 * 3 * 2 * 6,
        "depthwise": 4 * 4 * 3 * 3 * 12,
        "separable": 4 * 4 * (3 * 3 * 12 + 12 * 5),
        "transposed": 4 * 4 * 2 * 2 * 5 * 4,
        "dense": 8 * 8 * 4 * 7,
    }
    assert cost.macs == sum(macs.values())
    assert cost.by_node["norm"].parameters == 16


def test_shared_layer_costs_twice_and_is_stored_once() -> None:
    graph = from_keras(nested())
    cost = count(graph)
    assert cost.by_node["inner_block_conv"].macs == cost.by_node["inner_block_conv_2"].macs == 36 * 36
    assert cost.parameters == graph.parameters
