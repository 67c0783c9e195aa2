"""Comparators of prunability: what else is said to predict generalisation, on the same network.

Larger is meant to be worse in every measure of `complexity`. All but the counts are taken on the network
with its batch norms folded into the layers before them. Measures of PAC-Bayes kind are here to compare
networks; as bounds they are vacuous.

Source:  Jiang et al., "Fantastic Generalization Measures", 2020, arXiv:1912.02178, and Dziugaite et al.,
         "In Search of Robust Measures of Generalization", 2020, arXiv:2010.11924, as their code has
         them (measures.py); perturbation: Kuhn et al. 2021, arXiv:2103.06002
Cost:    noise: at most 15 bisections of 10 draws, each a pass over the examples, for each of the three
Differs: noise goes to the weights that are pruned (conv and dense kernels), not to biases; its standard
         deviation is what is searched (their code passes the variance); draws are the same for every
         sigma, so that the search is of one steady function; a conv kernel's spectral norm is that of
         the kernel as a (window and inputs, outputs) matrix; products of norms are sums of logarithms;
         values are not divided by the number of examples, which changes no order at one number
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeprune.graph.forward import forward
from edgeprune.graph.ir import FloatArray, Graph
from edgeprune.prune.comparators_fold import expose_graph_scores, kernels
from edgeprune.prune.prunability import Array, Loss

_SIGMA_MOST = 2.0
_SIGMA_STEPS = 15
_DRAWS = 10
_ACCURACY_DROP = 0.1
_DROP_TOLERANCE = 0.01
_MAGNITUDE_FLOOR = 1e-3
_MARGIN_PERCENTILE = 10
_BOUND_CONSTANT = 10.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Norms:
    """Sizes of the folded kernels; sums are over layers, norms are squared."""

    squared: float
    distance: float | None
    spectral_log_product: float
    spectral_sum: float
    frobenius_log_product: float
    path: float


@dataclass(frozen=True)
class Noise:
    """Largest standard deviations of Gaussian noise that a network bears; `samples` examples were looked at.

    flat       training accuracy falls by 0.1
    magnitude  the same, the noise of each weight in proportion to |w| + 0.001
    loss       training loss within the tolerance of prunability
    """

    flat: float
    magnitude: float
    loss: float
    samples: int


@dataclass(frozen=True)
class Complexity:
    """Each comparator as a number that should grow as networks generalise worse; None where it cannot say."""

    parameters: float
    kept: float
    squared_norm: float
    distance_to_init: float | None
    spectral_log_product: float
    spectral_sum: float
    frobenius_log_product: float
    path_norm: float
    inverse_margin: float | None
    pac_bayes_flatness: float | None
    pac_bayes_magnitude: float | None
    pac_bayes_bound_origin: float | None
    pac_bayes_bound_init: float | None
    perturbation: float | None
    loss_sum: float | None

    def known(self) -> dict[str, float]:
        """Those that have a value."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def norms(folded: Graph, initial: Graph | None = None) -> Norms:
    """Norms of a folded network; with its folded initial state, the distance from that too."""
    matrices = kernels(folded)
    frobenius = [float(np.sum(matrix**2)) for matrix in matrices]
    spectral = [float(np.linalg.norm(matrix, 2) ** 2) for matrix in matrices]
    distance = None
    if initial is not None:
        pairs = zip(matrices, kernels(initial), strict=True)
        distance = sum(float(np.sum((trained - start) ** 2)) for trained, start in pairs)
    return Norms(
        squared=sum(frobenius),
        distance=distance,
        spectral_log_product=_log_product(spectral),
        spectral_sum=sum(spectral),
        frobenius_log_product=_log_product(frobenius),
        path=path_norm(folded),
    )


def path_norm(folded: Graph) -> float:
    """Sum of the scores of an input of ones, all kernels and biases squared.

    For ReLU networks the sum over all paths of the product of their squared weights.
    """
    scored = expose_graph_scores(folded)
    nodes = tuple(
        replace(node, weights={name: _squared(name, array) for name, array in node.weights.items()})
        for node in scored.nodes
    )
    squared = Graph(scored.name, nodes, scored.inputs, scored.outputs)
    outputs = forward(squared, [np.ones((1, *squared.by_name[name].shape)) for name in squared.inputs])
    return float(sum(outputs[name].sum() for name in squared.outputs))


def _squared(name: str, array: FloatArray) -> FloatArray:
    """Kernels and biases squared; what belongs to other layers as it is."""
    return array**2 if name == "bias" or name.endswith("kernel") else array


def margin(scores: Array, classes: Array) -> float:
    """10th percentile over examples of the right class's score less the best other one."""
    rows = np.arange(len(scores))
    others = np.array(scores, np.float64)
    others[rows, classes] = -np.inf
    gaps = np.asarray(scores, np.float64)[rows, classes] - others.max(axis=1)
    return float(np.percentile(gaps, _MARGIN_PERCENTILE))


def largest_sigma(excess: Callable[[float], float], tolerance: float = 0.0) -> float:
    """The sigma in [0, 2] at which `excess` becomes positive, by at most 15 bisections.

    One whose excess is within `tolerance` of 0 is near enough. 2 where there is none.
    """
    low, high = 0.0, _SIGMA_MOST
    if excess(high) <= 0:
        return high
    for _ in range(_SIGMA_STEPS):
        sigma = (low + high) / 2
        over = excess(sigma)
        if abs(over) <= tolerance:
            return sigma
        low, high = (sigma, high) if over <= 0 else (low, sigma)
    return low


def noise(
    weights: Array, accuracy: Callable[[Array], float], loss: Loss, beta: float, seed: int, samples: int
) -> Noise:
    """The noise that `weights` (d,) bear, with relative tolerance `beta` for the loss."""
    whole_accuracy, whole_loss = accuracy(weights), float(np.mean(loss(weights)))
    magnitudes = np.abs(weights) + _MAGNITUDE_FLOOR

    def mean(measure: Callable[[Array], float], sigma: float, scale: Array | float) -> float:
        found = []
        for draw in range(_DRAWS):
            normal = np.random.default_rng([seed, draw]).standard_normal(len(weights), np.float32)
            found.append(measure(weights + sigma * scale * normal))
        return float(np.mean(found))

    def drop(scale: Array | float) -> Callable[[float], float]:
        return lambda sigma: whole_accuracy - mean(accuracy, sigma, scale) - _ACCURACY_DROP

    def rise(sigma: float) -> float:
        found = mean(lambda noisy: float(np.mean(loss(noisy))), sigma, 1.0) - (1 + beta) * whole_loss
        return math.inf if math.isnan(found) else found

    return Noise(
        flat=largest_sigma(drop(1.0), _DROP_TOLERANCE),
        magnitude=largest_sigma(drop(magnitudes), _DROP_TOLERANCE),
        loss=largest_sigma(rise),
        samples=samples,
    )


def pac_bayes_bound(squared_length: float, sigma: float, examples: int) -> float | None:
    """|w|^2 / (4 sigma^2) + ln(m / sigma) + 10 for m training examples; None at sigma 0."""
    if sigma <= 0:
        return None
    return squared_length / (4 * sigma**2) + math.log(examples / sigma) + _BOUND_CONSTANT


def complexity(
    parameters: int,
    prunability: float,
    sizes: Norms,
    borne: Noise,
    margin: float,
    examples: int,
    loss_sum: float | None = None,
) -> Complexity:
    """All comparators as one row; `prunability` is the fraction that makes the number of weights kept."""
    return Complexity(
        parameters=float(parameters),
        kept=prunability * parameters,
        squared_norm=sizes.squared,
        distance_to_init=sizes.distance,
        spectral_log_product=sizes.spectral_log_product,
        spectral_sum=sizes.spectral_sum,
        frobenius_log_product=sizes.frobenius_log_product,
        path_norm=sizes.path,
        inverse_margin=_inverse_square(margin),
        pac_bayes_flatness=_inverse_square(borne.flat),
        pac_bayes_magnitude=_inverse_square(borne.magnitude),
        pac_bayes_bound_origin=pac_bayes_bound(sizes.squared, borne.flat, examples),
        pac_bayes_bound_init=None
        if sizes.distance is None
        else pac_bayes_bound(sizes.distance, borne.flat, examples),
        perturbation=_inverse_square(borne.loss),
        loss_sum=loss_sum,
    )


def _inverse_square(value: float) -> float | None:
    """1 / value^2, None for what is not positive: a margin below zero has no rank among the others."""
    return value**-2 if value > 0 else None


def _log_product(values: Sequence[float]) -> float:
    """Sum of logarithms, of at least the smallest positive float: a layer may be all zeros."""
    return sum(math.log(max(value, np.finfo(np.float64).tiny)) for value in values)
