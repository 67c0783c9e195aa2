"""A model that wants other values than it gets is noticed, and the option that helps is named."""

import logging
from typing import Any

import keras
import numpy as np
import pytest

from edgeprune.data import SCALES, Dataset, check_scaling
from edgeprune.errors import DataError


def prototypes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 6, 6, 1)).astype(np.uint8)


def dataset(labels_shuffled: bool = False) -> Dataset:
    """Noisy copies of four pictures."""
    rng = np.random.default_rng(1)
    labels = np.arange(200, dtype=np.int32) % 4
    noise = rng.integers(-20, 21, (200, 6, 6, 1))
    images = np.clip(prototypes()[labels] + noise, 0, 255).astype(np.uint8)
    labels = rng.permutation(labels) if labels_shuffled else labels
    return Dataset("pictures", images, labels, images[:40], labels[:40], 4)


# scale -> (gain, offset): value * gain + offset is from 0 to 1
UNIT = {"none": (1 / 255, 0.0), "1/255": (1.0, 0.0), "1/127.5-1": (0.5, 0.5)}


def nearest_prototype(scale: str) -> Any:
    """Finds the picture that is nearest, by features that saturate outside the range it was made for.

    Features are tanh(8 u - 4) for values u from 0 to 1; then the largest of f.p - |p|^2 / 2 is nearest.
    """
    gain, offset = UNIT[scale]
    features = keras.layers.Dense(36, activation="tanh")
    nearest = keras.layers.Dense(4, activation="softmax")
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), features, nearest])
    known = np.tanh(8 * SCALES["1/255"](prototypes()).reshape(4, 36) - 4)
    features.set_weights([8 * gain * np.eye(36), np.full(36, 8 * offset - 4)])
    nearest.set_weights([known.T, -(known**2).sum(axis=1) / 2])
    return model


@pytest.mark.parametrize("scale", UNIT)
def test_right_scale_passes(scale: str) -> None:
    result = check_scaling(nearest_prototype(scale), dataset().scaled(SCALES[scale]))
    assert result.is_decided
    assert dict(result.accuracies)["none"] == 1
    assert result.chance == 0.25


@pytest.mark.parametrize(
    ("given", "wanted", "option"),
    [("none", "1/255", "1/255"), ("none", "1/127.5-1", "1/127.5-1"), ("1/255", "none", "255")],
)
def test_wrong_scale_is_refused_with_the_option_that_helps(given: str, wanted: str, option: str) -> None:
    with pytest.raises(DataError, match=f"for 100.0% when they are scaled by {option}") as caught:
        check_scaling(nearest_prototype(wanted), dataset().scaled(SCALES[given]))
    assert caught.value.hint == f"add --scale {option}"


def test_untrained_model_is_undecided_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = check_scaling(nearest_prototype("1/255"), dataset(labels_shuffled=True))
    assert not result.is_decided
    assert "cannot be told" in caplog.text
