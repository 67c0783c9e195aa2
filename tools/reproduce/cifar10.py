"""CIFAR-10 as a data set of edgeprune, from the project's shared data folder.

    edgeprune build … --data tools.reproduce.cifar10:load

The training images are the original 50,000; the test images are numbers 0 to 4,999 of the original
10,000, so accuracies are on those 5,000. EDGEPRUNE_SHARED_DATA names the folder when it is not
`../shared/data`. The stored form is differences between pixels; decoding is exact.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import DataError

Array = npt.NDArray[Any]


def folder() -> Path:
    """The folder with the data sets; raises DataError where there is none."""
    place = Path(os.environ.get("EDGEPRUNE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (place / "datasets").is_dir():
        raise DataError(f"no shared data at {place}", hint="set EDGEPRUNE_SHARED_DATA to the folder")
    return place


def load() -> tuple[Array, Array, Array, Array]:
    """x_train (50000, 32, 32, 3), y_train, x_test (5000, 32, 32, 3), y_test; uint8, RGB."""
    datasets = folder() / "datasets"
    images, labels = [], []
    for batch in range(1, 6):
        with np.load(datasets / f"cifar10_train_{batch}.npz") as stored:
            images.append(_decode(stored["residual"]))
            labels.append(stored["labels"])
    with np.load(datasets / "cifar10_test.npz") as stored:
        x_test, y_test = stored["x_test"], stored["y_test"]
    return np.concatenate(images), np.concatenate(labels), x_test, y_test


def _decode(residual: Array) -> Array:
    """(N, 3, 32, 32) differences to (N, 32, 32, 3) pixels, arithmetic modulo 256."""
    rows = np.cumsum(residual, axis=2, dtype=np.uint8)
    pixels = np.cumsum(rows, axis=3, dtype=np.uint8)
    pixels[:, 0] += pixels[:, 1]
    pixels[:, 2] += pixels[:, 1]
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
