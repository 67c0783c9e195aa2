"""Do the values of a data set suit a trained model? Found by asking the model.

A model trained on 0…1 that is given 0…255 does not fail: it is just wrong. So up to 512 training
examples are classified as they are and under the usual scalings. The data pass if the model does as
well with them as with any scaling; a scaling that is clearly better is named, never applied.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeprune.data.dataset import Array, Dataset
from edgeprune.data.scale import SCALES, Scale
from edgeprune.errors import DataError

_log = logging.getLogger(__name__)

EXAMPLES = 512
# With 512 examples the standard error of an accuracy is at most 0.022: five of it above chance is skill,
# and two accuracies measured on the same examples that lie this far apart are different.
_CLEARLY = 0.11


@dataclass(frozen=True)
class ScalingCheck:
    """Accuracy on a sample under each scaling; `is_decided` is False for a model that knows nothing yet."""

    accuracies: tuple[tuple[str, float], ...]
    chance: float
    is_decided: bool


def check_scaling(model: Any, data: Dataset) -> ScalingCheck:
    """Raise DataError if the Keras `model` is clearly better on scaled examples than on `data` itself."""
    chosen = data.pick_train(EXAMPLES, np.random.default_rng(0))
    examples, labels = data.x_train[chosen], data.y_train[chosen]
    accuracies = {
        scale.name: float(np.mean(_classify(model, scale(examples)) == labels))
        for scale in _candidates(examples)
    }
    best = max(accuracies, key=lambda name: accuracies[name])
    chance = float(np.bincount(labels).max() / len(labels))
    is_decided = accuracies[best] >= chance + _CLEARLY
    if is_decided and accuracies[best] >= accuracies["none"] + _CLEARLY:
        low, high = examples.min(), examples.max()
        raise DataError(
            f"{data.name}: values from {low:g} to {high:g} do not suit the model: it is right for "
            f"{accuracies['none']:.1%} of {len(labels)} training examples as they are, "
            f"for {accuracies[best]:.1%} when they are scaled by {best}",
            hint=f"add --scale {best}",
        )
    if not is_decided:
        _log.warning(
            "%s: whether its values are scaled right cannot be told, the model is right for only %.1f%%",
            data.name,
            100 * accuracies[best],
        )
    return ScalingCheck(tuple(accuracies.items()), chance, is_decided)


def _candidates(examples: Array) -> list[Scale]:
    low, high = float(examples.min()), float(examples.max())
    if low >= 0 and high > 1.5:
        return [SCALES["none"], SCALES["1/255"], SCALES["1/127.5-1"]]
    if low >= 0:
        return [SCALES["none"], SCALES["255"], SCALES["2-1"]]
    return [SCALES["none"]]


def _classify(model: Any, examples: Array) -> Array:
    """The class of each example; a single output is the probability of class 1, or its logit."""
    outputs = np.concatenate(
        [
            np.asarray(model(examples[start : start + 64], training=False))
            for start in range(0, len(examples), 64)
        ]
    )
    outputs = outputs.reshape(len(examples), -1)
    if outputs.shape[1] > 1:
        return np.asarray(outputs.argmax(axis=1))
    is_probability = outputs.min() >= 0 and outputs.max() <= 1
    return np.asarray(outputs[:, 0] > (0.5 if is_probability else 0.0)).astype(np.int32)
