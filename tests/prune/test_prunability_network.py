"""The comparators on networks small enough to reckon by hand, and the loss of a Keras model."""

import math
from typing import Any

import numpy as np
import pytest
from support.keras_networks import NETWORKS, build

from edgeprune.errors import DataError, ModelError
from edgeprune.graph.forward import forward
from edgeprune.graph.ir import Graph
from edgeprune.graph.keras_in import from_keras
from edgeprune.prune.comparators import (
    Noise,
    Norms,
    complexity,
    largest_sigma,
    margin,
    noise,
    norms,
    pac_bayes_bound,
    path_norm,
)
from edgeprune.prune.comparators_fold import expose_graph_scores, fold, kernels
from edgeprune.prune.prunability import Settings
from edgeprune.prune.prunability_keras import kernels_of, network_loss
from edgeprune.prune.prunability_network import Examples, compare, measure

Array = np.ndarray
# Batch norms that have no layer of their own, without an activation, before them.
STAY = {"residual": 1, "concat": 1, "shared": 2, "flatten": 1, "one_dimensional": 1}


def two_dense(first: Array, second: Array, last: str = "softmax") -> Any:
    """inputs -> dense, ReLU -> dense, no biases but zeros."""
    import keras

    layers = keras.layers
    source = keras.Input((first.shape[0],))
    hidden = layers.Dense(first.shape[1], activation="relu")(source)
    model = keras.Model(source, layers.Dense(second.shape[1], activation=last)(hidden))
    model.set_weights([first, np.zeros(first.shape[1]), second, np.zeros(second.shape[1])])
    return model


FIRST = np.array([[1.0, -2.0], [0.5, 3.0]])
SECOND = np.array([[2.0, -1.0, 0.1], [-0.2, 4.0, 0.3]])


def examples(shape: tuple[int, ...], classes: int, count: int = 30) -> Examples:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(count, *shape)).astype(np.float32)
    return Examples(x, rng.integers(0, classes, count))


# --- the loss of a Keras model


def test_losses_are_cross_entropies_of_the_softmax() -> None:
    model = two_dense(FIRST, SECOND)
    data = examples((2,), 3, 7)
    with network_loss(model, data.x, data.y) as loss:
        found = loss(loss.weights)
        scores = loss.scores(loss.weights)
    probabilities = np.asarray(model(data.x))  # softmax is back in its place
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    expected = -np.log(probabilities[np.arange(7), data.y])
    assert found == pytest.approx(expected, rel=1e-4)  # single precision, losses up to 20
    assert scores == pytest.approx(np.maximum(data.x @ FIRST, 0) @ SECOND, rel=1e-4, abs=1e-5)


def test_weights_are_all_kernels_and_nothing_else() -> None:
    model = two_dense(FIRST, SECOND)
    data = examples((2,), 3)
    with network_loss(model, data.x, data.y) as loss:
        assert loss.weights == pytest.approx(np.concatenate([FIRST.ravel(), SECOND.ravel()]))
        assert loss(np.zeros(10)) == pytest.approx(np.full(30, math.log(3)), rel=1e-5)
        halved = loss(loss.weights * [1, 1, 1, 1, 0, 0, 0, 1, 1, 1])
    scores = np.maximum(data.x @ FIRST, 0)[:, 1:] @ SECOND[1:]
    logs = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(30), data.y]
    assert halved == pytest.approx(logs, rel=1e-4, abs=1e-5)
    assert np.concatenate([w.ravel() for w in model.get_weights()[::2]]) == pytest.approx(loss.weights)


def test_kernels_of_every_kind_of_layer() -> None:
    names = {kernel.path.split("/")[-1] for name in NETWORKS for kernel in kernels_of(build(name))}
    assert names == {"kernel", "depthwise_kernel", "pointwise_kernel"}
    assert len(kernels_of(build("shared"))) == 4  # the layer that is called twice counts once
    assert len(kernels_of(build("nested"))) == 4  # and one inside a model inside counts


def test_is_within_agrees_with_the_loss_over_several_batches() -> None:
    model = two_dense(FIRST, SECOND)
    data = examples((2,), 3, 1203)
    with network_loss(model, data.x, data.y) as loss:
        mean = float(np.mean(loss(loss.weights), dtype=np.float64))
        assert loss(loss.weights).shape == (1203,)
        for factor in (0.1, 0.999, 1.001, 3):
            assert loss.is_within(loss.weights, factor * mean) == (factor > 1)
        assert not loss.is_within(loss.weights * np.nan, 1e9)


def test_an_output_of_one_sigmoid_is_two_classes() -> None:
    model = two_dense(FIRST, SECOND[:, :1], "sigmoid")
    data = examples((2,), 2)
    with network_loss(model, data.x, data.y) as loss:
        found = loss(loss.weights)
    probability = np.asarray(model(data.x))[:, 0].astype(np.float64)
    expected = -np.log(np.where(data.y == 1, probability, 1 - probability))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_what_cannot_have_a_loss_is_refused() -> None:
    import keras

    model = two_dense(FIRST, SECOND)
    x = np.zeros((2, 2), np.float32)
    with pytest.raises(DataError, match="class 3"), network_loss(model, x, np.array([0, 3])):
        pass
    with pytest.raises(DataError, match="0 examples"), network_loss(model, x[:0], np.array([], int)):
        pass
    source = keras.Input((4, 4, 1))
    with pytest.raises(ModelError, match="no conv or dense"):
        bare = keras.Model(source, keras.layers.Flatten()(source))
        with network_loss(bare, np.zeros((1, 4, 4, 1)), np.array([0])):
            pass
    with pytest.raises(ModelError, match=r"\(4, 4, 2\)"):
        picture = keras.Model(source, keras.layers.Conv2D(2, 1)(source))
        with network_loss(picture, np.zeros((1, 4, 4, 1)), np.array([0])):
            pass


# --- folding


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_changes_no_output(name: str) -> None:
    graph = from_keras(build(name))
    folded = fold(graph)
    left = sum(node.kind == "BatchNormalization" for node in folded.nodes)
    assert left == STAY.get(name, 0)
    data = [np.random.default_rng(0).normal(size=(2, *graph.by_name[n].shape)) for n in graph.inputs]
    expected, found = forward(graph, data), forward(folded, data)
    for output in graph.outputs:  # folded weights are single precision again: 2^-24 a weight
        assert found[output] == pytest.approx(expected[output], rel=1e-4, abs=1e-5)


def test_a_norm_that_is_called_twice_is_left_alone() -> None:
    """One call could be folded, the other not; they are one layer."""
    import keras

    layers = keras.layers
    source = keras.Input((4, 4, 3))
    norm = layers.BatchNormalization()
    x = layers.Conv2D(3, 1)(source)
    graph = from_keras(keras.Model(source, norm(layers.Add()([norm(x), source]))))
    assert fold(graph).nodes == graph.nodes


def test_scores_come_without_softmax() -> None:
    graph = from_keras(two_dense(FIRST, SECOND))
    out = forward(expose_graph_scores(graph), [np.ones((1, 2))])[graph.outputs[0]]
    assert out[0] == pytest.approx(np.maximum(FIRST.sum(axis=0), 0) @ SECOND, rel=1e-6)


# --- norms


def test_norms_by_hand() -> None:
    graph = from_keras(two_dense(FIRST, SECOND))
    found = norms(graph)
    spectral = [np.linalg.svd(matrix)[1][0] ** 2 for matrix in (FIRST, SECOND)]
    frobenius = [float((matrix**2).sum()) for matrix in (FIRST, SECOND)]
    assert found.squared == pytest.approx(sum(frobenius))
    assert found.frobenius_log_product == pytest.approx(math.log(frobenius[0] * frobenius[1]))
    assert found.spectral_sum == pytest.approx(sum(spectral))
    assert found.spectral_log_product == pytest.approx(math.log(spectral[0] * spectral[1]))
    assert found.distance is None


def test_distance_is_from_the_initial_kernels() -> None:
    start = from_keras(two_dense(FIRST + 0.5, SECOND - 1.0))
    assert norms(from_keras(two_dense(FIRST, SECOND)), start).distance == pytest.approx(4 * 0.25 + 6)


def test_path_norm_is_the_sum_over_paths_of_squared_products() -> None:
    paths = sum((FIRST[i, j] * SECOND[j, k]) ** 2 for i in range(2) for j in range(2) for k in range(3))
    assert path_norm(from_keras(two_dense(FIRST, SECOND))) == pytest.approx(paths)


def test_path_norm_does_not_see_relu_rescaling() -> None:
    """Prunability does; the norms of single layers do."""
    plain, scaled = (from_keras(two_dense(FIRST * c, SECOND / c)) for c in (1, 8))
    assert path_norm(scaled) == pytest.approx(path_norm(plain))
    assert norms(scaled).spectral_log_product == pytest.approx(norms(plain).spectral_log_product)
    assert norms(scaled).squared != pytest.approx(norms(plain).squared)


def test_a_transposed_kernel_has_its_outputs_last_too() -> None:
    import keras

    source = keras.Input((4, 4, 3))
    graph = from_keras(keras.Model(source, keras.layers.Conv2DTranspose(5, 2)(source)))
    (matrix,) = kernels(graph)
    kernel = next(node for node in graph.nodes if node.weights).weights["kernel"]  # (2, 2, out, in)
    assert matrix.shape == (12, 5)
    assert matrix[:3, 4] == pytest.approx(kernel[0, 0, 4])


def test_a_matrix_has_a_column_for_each_output() -> None:
    for name, shapes in (
        ("sequential", [(27, 16), (144, 24), (24, 20), (20, 5)]),
        ("shared", [(3, 10), (90, 10), (10, 8), (8, 4)]),
    ):
        assert [matrix.shape for matrix in kernels(from_keras(build(name)))] == shapes


# --- margin, noise, bounds


def test_margin_is_the_tenth_percentile() -> None:
    """Gaps 0, 1, ..., 10 between the right class and the better of the two wrong ones."""
    gaps = np.random.default_rng(0).permutation(11.0 * np.arange(11) / 11)
    classes = np.arange(11) % 3
    scores = np.full((11, 3), -5.0)
    rows = np.arange(11)
    scores[rows, (classes + 1) % 3] = 2.0
    scores[rows, classes] = 2.0 + gaps
    assert margin(scores, classes) == pytest.approx(1.0)
    assert margin(-scores, classes) < 0


def test_largest_sigma_is_where_the_excess_begins() -> None:
    assert largest_sigma(lambda s: s - 0.7) == pytest.approx(0.7, abs=2 / 2**15)
    assert largest_sigma(lambda s: s - 0.7) <= 0.7
    assert largest_sigma(lambda s: -1.0) == 2
    assert largest_sigma(lambda s: 1.0) == 0
    asked: list[float] = []
    largest_sigma(lambda s: asked.append(s) or s - 0.495, tolerance=0.01)  # type: ignore[func-returns-value]
    assert asked == [2, 1, 0.5]


def test_noise_of_a_loss_that_is_known() -> None:
    """L(w + s z) = 1 + s^2 |z|^2 / d within 10 %, accuracy 1 - s: sigma follows from the draws."""
    w = np.linspace(1, 2, 400)

    def loss(v: Array) -> float:
        return 1 + float(np.mean((v - w) ** 2))

    def accuracy(v: Array) -> float:
        return 1 - float(np.sqrt(np.mean((v - w) ** 2)))

    borne = noise(w, accuracy, loss, beta=0.1, seed=3, samples=9)
    assert borne.loss == pytest.approx(math.sqrt(0.1), rel=0.05)  # ten draws of 400: deviation 1.1 %
    assert borne.flat == pytest.approx(0.1, abs=0.016)  # the tolerance of 0.01 and the draws
    weight = math.sqrt(np.mean((w + 1e-3) ** 2))
    assert borne.magnitude == pytest.approx(0.1 / weight, abs=0.016 / weight)
    assert borne.samples == 9
    assert noise(w, accuracy, loss, beta=0.1, seed=3, samples=9) == borne
    assert noise(w, accuracy, loss, beta=0.4, seed=3, samples=9).loss == pytest.approx(
        2 * borne.loss, rel=1e-3
    )


def test_pac_bayes_bound_by_hand() -> None:
    assert pac_bayes_bound(8.0, 0.5, 1000) == pytest.approx(8 + math.log(2000) + 10)
    assert pac_bayes_bound(8.0, 0.0, 1000) is None


def test_complexity_by_hand() -> None:
    sizes = Norms(8.0, 4.0, 0.1, 0.2, 0.3, 0.4)
    row = complexity(200, 0.25, sizes, Noise(0.5, 0.25, 0.1, 50), 2.0, 1000, loss_sum=7.0)
    assert (row.parameters, row.kept, row.loss_sum) == (200, 50, 7)
    assert (row.inverse_margin, row.pac_bayes_flatness, row.pac_bayes_magnitude) == (0.25, 4, 16)
    assert row.perturbation == pytest.approx(100)
    assert row.pac_bayes_bound_origin == pac_bayes_bound(8, 0.5, 1000)
    assert row.pac_bayes_bound_init == pac_bayes_bound(4, 0.5, 1000)
    assert (row.squared_norm, row.distance_to_init, row.path_norm) == (8, 4, 0.4)
    unknown = complexity(200, 0.25, Norms(8, None, 0, 0, 0, 0), Noise(0, 1, 1, 50), -1.0, 1000)
    assert {"inverse_margin", "distance_to_init", "pac_bayes_flatness", "loss_sum"}.isdisjoint(
        unknown.known()
    )


# --- a whole network


@pytest.fixture(scope="module")
def graph() -> Graph:
    return from_keras(build("sequential"))


def test_a_report_is_whole_json_and_repeatable(graph: Graph) -> None:
    data = examples((12, 12, 3), 5)
    settings = Settings(grid=10, draws=3, resamples=50)
    report = measure(graph, data, settings, 1, "both")
    again = measure(graph, data, settings, 1, "both")
    assert report.to_json() == again.to_json()
    found = report.to_json()
    assert found["parameters"] == 27 * 16 + 144 * 24 + 24 * 20 + 20 * 5
    assert 0 < found["prunability"]["global_min"] <= found["prunability"]["first_violation"] <= 1
    assert found["curve"][0] == [1.0, found["loss"]]
    assert found["loss_limit"] == pytest.approx(1.1 * found["loss"])
    assert len(found["random"]["draws"]) == 3
    assert found["comparators"] is None


def test_operators_alone(graph: Graph) -> None:
    data = examples((12, 12, 3), 5)
    settings = Settings(grid=5, draws=2, resamples=10)
    both = measure(graph, data, settings, 1, "both").to_json()
    only = measure(graph, data, settings, 1, "random").to_json()
    assert only["operator"] == "random"
    assert only["prunability"]["first_violation"] == both["random"]["first_violation"]
    assert only["other_tolerance"] is None
    assert measure(graph, data, settings, 1).to_json() == {**both, "random": None}


def test_folding_is_another_measure(graph: Graph) -> None:
    """The same function and the same loss; other magnitudes."""
    data = examples((12, 12, 3), 5)
    plain, folded = (
        measure(graph, data, Settings(beta=0.02, grid=20, resamples=5), 1, is_folded=f).to_json()
        for f in (False, True)
    )
    assert folded["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    assert folded["curve"] != plain["curve"]
    assert folded["folded"]


def test_comparison_of_a_network(graph: Graph) -> None:
    data = examples((12, 12, 3), 5)
    report = measure(graph, data, Settings(grid=5, resamples=5), 1)
    found = compare(graph, data, report, 1)
    again = compare(graph, data, report, 1)
    assert found == again
    row = found.complexity
    assert row.parameters == report.main.parameters
    assert row.kept == pytest.approx(report.reading.first_violation * row.parameters)
    assert row.distance_to_init is row.pac_bayes_bound_init is row.loss_sum is None
    assert row.path_norm > 0
    assert found.noise.samples == 30
    same = compare(graph, data, report, 1, initial=graph, loss_sum=2.0).complexity
    assert (same.distance_to_init, same.loss_sum) == (0, 2)
