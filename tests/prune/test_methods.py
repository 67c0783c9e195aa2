"""The table of pruning methods: whole, and each score what its file says."""

from pathlib import Path

import numpy as np
import pytest

from edgeprune.errors import UsageError
from edgeprune.graph.ir import Graph, Node
from edgeprune.prune import methods
from edgeprune.prune.methods import METHODS
from edgeprune.prune.plan import gather


def chain(kernel: np.ndarray) -> Graph:
    """An input, a 1x1 convolution with `kernel` (in, out) and a dense layer with two outputs."""
    inputs, filters = kernel.shape
    weights = {"kernel": kernel.reshape(1, 1, inputs, filters).astype(np.float32)}
    last = {"kernel": np.ones((filters, 2), np.float32)}
    nodes = (
        Node("x", "InputLayer", (), (1, 1, inputs), {}, {}, "x"),
        Node("conv", "Conv2D", ("x",), (1, 1, filters), {"filters": filters}, weights, "conv"),
        Node("flat", "Flatten", ("conv",), (filters,), {}, {}, "flat"),
        Node("y", "Dense", ("flat",), (2,), {"units": 2}, last, "y"),
    )
    return Graph("chain", nodes, ("x",), ("y",))


def scores(method: str, kernel: np.ndarray) -> list[float]:
    evidence = gather(chain(kernel), np.random.default_rng(0))
    (group,) = evidence.channels.groups
    score = METHODS[method].score
    assert score is not None
    return score(evidence, group).tolist()


def test_every_file_is_in_the_table() -> None:
    files = {path.stem for path in Path(methods.__file__).parent.glob("[!_]*.py")} - {"base"}
    assert {stem.replace("_", "-") for stem in files} == set(METHODS.names)


def test_norms_relative_to_their_mean() -> None:
    kernel = np.array([[3.0, -1.0, 0.0], [-4.0, 1.0, 0.0]])
    assert scores("l1", kernel) == pytest.approx([7 / 3, 2 / 3, 0.0])
    assert scores("l2", kernel) == pytest.approx(list(np.array([5, 2**0.5, 0]) * 3 / (5 + 2**0.5)))


@pytest.mark.parametrize("method", ["l1", "l2"])
def test_scale_of_a_layer_does_not_matter(method: str) -> None:
    kernel = np.random.default_rng(1).normal(size=(5, 7))
    assert scores(method, kernel) == pytest.approx(scores(method, 1000 * kernel), rel=1e-5)


def test_a_layer_of_zeros_scores_zero() -> None:
    assert scores("l1", np.zeros((2, 3))) == [0.0, 0.0, 0.0]


def test_random_lies_between_0_and_2() -> None:
    found = scores("random", np.zeros((2, 200)))
    assert 0 <= min(found) < 0.2
    assert 1.8 < max(found) <= 2


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(UsageError, match="unknown pruning method 'l3'"):
        METHODS["l3"]
